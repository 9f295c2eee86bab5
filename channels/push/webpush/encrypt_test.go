package webpush

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"testing"
)

func decoded(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rfcSubscription is the one of the example in RFC 8291, section 5 and appendix A.
const rfcSubscription = `{"endpoint":"https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV","keys":{` +
	`"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}`

// TestRFC8291 encrypts the example of RFC 8291, whose intermediate values are in its appendix A.
func TestRFC8291(t *testing.T) {
	sub, err := parseSubscription(rfcSubscription)
	if err != nil {
		t.Fatal(err)
	}
	own, err := ecdh.P256().NewPrivateKey(decoded(t, "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := seal([]byte("When I grow up, I want to be a watermelon"), sub, own, [saltSize]byte(decoded(t, "DGv6ra1nlYgDCS1FRnbzlw")))
	if err != nil {
		t.Fatal(err)
	}
	want := decoded(t, "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"+
		"yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN")
	if !bytes.Equal(got, want) {
		t.Errorf("body\n%x, want\n%x", got, want)
	}
}

func TestLargestMessageFillsTheRecord(t *testing.T) {
	sub, err := parseSubscription(rfcSubscription)
	if err != nil {
		t.Fatal(err)
	}
	body, err := encrypt(make([]byte, maxPlaintext), sub)
	if err != nil || len(body) != 4096 || maxPlaintext != 3993 {
		t.Errorf("%d bytes of %d, error %v; want 4096 of 3993", len(body), maxPlaintext, err)
	}
	again, err := encrypt(make([]byte, maxPlaintext), sub)
	if err != nil || bytes.Equal(body[:headerSize], again[:headerSize]) {
		t.Errorf("salt and key were used twice, error %v", err)
	}
}

func BenchmarkEncrypt(b *testing.B) {
	sub, err := parseSubscription(rfcSubscription)
	if err != nil {
		b.Fatal(err)
	}
	plain := make([]byte, 300)
	for b.Loop() {
		if _, err := encrypt(plain, sub); err != nil {
			b.Fatal(err)
		}
	}
}
