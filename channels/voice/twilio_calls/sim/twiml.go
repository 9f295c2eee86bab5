package sim

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// verb is <Say> or <Pause>.
type verb struct {
	XMLName  xml.Name
	Language string     `xml:"language,attr"`
	Voice    string     `xml:"voice,attr"`
	Loop     string     `xml:"loop,attr"`
	Length   string     `xml:"length,attr"`
	Other    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []verb     `xml:",any"`
}

// parse reads TwiML that only speaks, and returns what it says once. All that is said has to be the same.
func parse(twiml string) (string, error) {
	if utf8.RuneCountInString(twiml) > 4000 {
		return "", errors.New("longer than 4000 characters")
	}
	var response verb
	dec := xml.NewDecoder(strings.NewReader(twiml))
	if err := dec.Decode(&response); err != nil {
		return "", err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("more after the document")
	}
	if response.XMLName.Local != "Response" || strings.TrimSpace(response.Text) != "" {
		return "", errors.New("no Response")
	}
	said := ""
	for _, v := range response.Children {
		switch {
		case len(v.Children) > 0 || len(v.Other) > 0:
			return "", errors.New("unknown attributes or children of " + v.XMLName.Local)
		case v.XMLName.Local == "Pause" && v.Text == "" && v.Language == "" && v.Voice == "":
		case v.XMLName.Local == "Say" && isLanguage(v.Language) && v.Voice != "" && (said == "" || said == v.Text):
			said = v.Text
		default:
			return "", errors.New("not to be spoken: " + v.XMLName.Local)
		}
	}
	if said == "" {
		return "", errors.New("nothing to say")
	}
	return said, nil
}

// isLanguage reports whether a language has its region, as all but a few of Twilio's have.
func isLanguage(s string) bool {
	language, region, _ := strings.Cut(s, "-")
	return len(language) >= 2 && len(region) >= 2
}
