package plan

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tocsin-dev/tocsin/channels"
	"github.com/tocsin-dev/tocsin/dispatcher/audience"
	"github.com/tocsin-dev/tocsin/dispatcher/notification"
)

func rules() *Rules {
	return &Rules{
		Channels: []Channel{{"sms", channels.SMS}, {"email", channels.Email}, {"telegram", channels.Messenger}, {"viber", channels.Messenger}},
		Behind:   []string{"sms"},
		Locales:  []string{"ro", "ru", "en", "pt-BR"},
	}
}

// recipient has addresses on the channels given.
func recipient(locale string, addresses, consents, preferences []string) *audience.Recipient {
	r := &audience.Recipient{ID: "c", Locale: locale, Consents: consents, Preferences: preferences}
	for _, channel := range addresses {
		r.Addresses = append(r.Addresses, audience.Address{Channel: channel, Address: "at " + channel})
	}
	return r
}

func TestFor(t *testing.T) {
	type list = []string
	all := list{"email", "sms", "telegram", "viber"}
	for _, tt := range []struct {
		name                             string
		addresses, consents, preferences list
		want                             Decision
	}{
		{"preferred, then sms", all, all, list{"telegram", "email"}, Decision{Steps: notification.Steps("telegram", "sms")}},
		{"sms preferred", all, all, list{"sms", "email"}, Decision{Steps: notification.Steps("sms")}},
		{"first preference without address", list{"email", "sms"}, all, list{"viber", "email"}, Decision{Steps: notification.Steps("email", "sms")}},
		{"first preference without consent", all, list{"email", "sms"}, list{"viber", "email"}, Decision{Steps: notification.Steps("email", "sms")}},
		{"preference not configured", list{"fax", "sms"}, list{"fax", "sms"}, list{"fax"}, Decision{Steps: notification.Steps("sms")}},
		{"no preferences", all, all, nil, Decision{Steps: notification.Steps("sms")}},
		{"no preferences and no sms: first configured", list{"viber", "telegram", "email"}, all, nil, Decision{Steps: notification.Steps("email")}},
		{"preferred without sms behind", list{"email"}, all, list{"email"}, Decision{Steps: notification.Steps("email")}},
		{"no sms: the next preference behind", list{"viber", "email"}, all, list{"viber", "email"}, Decision{Steps: notification.Steps("viber", "email")}},
		{"no sms consent: any other channel behind", all, list{"viber", "telegram"}, list{"viber"}, Decision{Steps: notification.Steps("viber", "telegram")}},
		{"no sms consent", all, list{"email"}, list{"email"}, Decision{Steps: notification.Steps("email")}},
		{"no address", nil, all, list{"email"}, Decision{Outcome: notification.Unreachable, Reason: notification.NoAddress}},
		{"no consent", all, nil, list{"email"}, Decision{Outcome: notification.Suppressed, Reason: notification.NoConsent}},
		{"consent without address", list{"sms"}, list{"email"}, nil, Decision{Outcome: notification.Suppressed, Reason: notification.NoConsent}},
	} {
		tt.want.Locale = "ru"
		if got := rules().For(recipient("ru", tt.addresses, tt.consents, tt.preferences), Case{}); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestForStartsOnWhatWorked(t *testing.T) {
	all := []string{"email", "sms", "telegram", "viber"}
	for _, tt := range []struct {
		name, lastGood string
		consents, dead []string
		want           []string
	}{
		{"nothing known", "", all, nil, []string{"viber", "sms"}},
		{"the first step did", "viber", all, nil, []string{"viber", "sms"}},
		{"the fallback did", "sms", all, nil, []string{"sms", "viber"}},
		{"one that is no step any more", "email", all, nil, []string{"email", "viber", "sms"}},
		{"not configured any more", "fax", all, nil, []string{"viber", "sms"}},
		{"consent withdrawn", "sms", []string{"viber", "email"}, nil, []string{"viber", "email"}},
		{"dead since", "sms", all, []string{"sms"}, []string{"viber", "email"}},
	} {
		rec := recipient("ru", all, tt.consents, []string{"viber", "email"})
		for _, channel := range tt.dead {
			rec.Dead = append(rec.Dead, audience.Address{Channel: channel, Address: "at " + channel})
		}
		if got := rules().For(rec, Case{LastGood: tt.lastGood}).Steps; !slices.Equal(got, notification.Steps(tt.want...)) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestForDeadAddresses(t *testing.T) {
	both := []string{"sms", "email"}
	for _, tt := range []struct {
		name           string
		consents, dead []string
		steps          []string
		reason         notification.Reason
	}{
		{"the next best stands in", both, []string{"sms"}, []string{"email"}, ""},
		{"all dead", both, both, nil, notification.InvalidAddress},
		{"one dead, the other not wanted", []string{"sms"}, []string{"sms"}, nil, notification.InvalidAddress},
	} {
		rec := recipient("ru", both, tt.consents, nil)
		for _, channel := range tt.dead {
			rec.Dead = append(rec.Dead, audience.Address{Channel: channel, Address: "at " + channel})
		}
		d := rules().For(rec, Case{})
		if !slices.Equal(d.Steps, notification.Steps(tt.steps...)) || d.Reason != tt.reason || (tt.reason != "") != (d.Outcome == notification.Unreachable) {
			t.Errorf("%s: %+v", tt.name, d)
		}
	}
	changed := recipient("ru", both, both, nil)
	changed.Dead = audience.Addresses{{Channel: "sms", Address: "an old number"}}
	if d := rules().For(changed, Case{}); !slices.Equal(d.Steps, notification.Steps("sms")) {
		t.Errorf("with another number now: %+v", d)
	}
}

func TestLocale(t *testing.T) {
	for tag, want := range map[string]string{
		"ru": "ru", "ru-MD": "ru", "ro-Latn-MD": "ro", "de": "ro", "": "ro", "pt-BR": "pt-BR", "pt": "ro", "pt-BR-x-y": "pt-BR", "-": "ro", "en-": "en",
	} {
		if got := rules().For(recipient(tag, nil, nil, nil), Case{}).Locale; got != want {
			t.Errorf("locale %q is served in %q, want %q", tag, got, want)
		}
	}
}

func TestForHoldsWhateverTheRecipient(t *testing.T) {
	names := []string{"email", "sms", "telegram", "viber", "fax"}
	some := rapid.SliceOfDistinct(rapid.SampledFrom(names), func(s string) string { return s })
	rapid.Check(t, func(t *rapid.T) {
		r := rules()
		r.Behind = some.Draw(t, "behind")
		rec := recipient("ro", some.Draw(t, "addresses"), some.Draw(t, "consents"), some.Draw(t, "preferences"))
		for _, channel := range some.Draw(t, "dead") {
			rec.Dead = append(rec.Dead, audience.Address{Channel: channel, Address: "at " + channel})
		}
		d := r.For(rec, Case{LastGood: rapid.SampledFrom(append(names, "")).Draw(t, "last good")})
		if (len(d.Steps) == 0) != (d.Outcome != notification.Open) || (d.Outcome == notification.Open) != (d.Reason == notification.NoReason) {
			t.Fatalf("%+v: neither to be tried nor settled, or both", d)
		}
		usable := 0
		for _, name := range names {
			if r.Usable(rec, name) == notification.NoReason {
				usable++
			}
		}
		if (usable > 0) != (len(d.Steps) > 0) {
			t.Fatalf("%d usable channels, steps %v", usable, d.Steps)
		}
		for i, step := range d.Steps {
			if !slices.Contains(rec.Consents, step.Channel) || rec.DeadOn(step.Channel) {
				t.Fatalf("step %q of %v without consent, or on a dead address", step, d.Steps)
			}
			if r.Usable(rec, step.Channel) != notification.NoReason || slices.Contains(d.Steps[:i], step) {
				t.Fatalf("step %q of %v can't be used, or is there twice", step, d.Steps)
			}
		}
	})
}
