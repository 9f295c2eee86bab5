package sim

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// known reports whether smsbox has a header (table 7-11), of those that texts need.
func known(name string) bool {
	switch name {
	case "X-Kannel-Username", "X-Kannel-Password", "X-Kannel-To", "X-Kannel-From", "X-Kannel-Smsc",
		"X-Kannel-Coding", "X-Kannel-Validity", "X-Kannel-Dlr-Mask", "X-Kannel-Dlr-Url":
		return true
	}
	return false
}

// check returns the status and text of smsbox's complaint about a message, 0 if there is none. The
// credentials come before all that is wrong with the message.
func check(h http.Header, text string) (status int, complaint string) {
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case err != nil || media != "text/plain":
		return http.StatusBadRequest, "Invalid content-type"
	case h.Get("X-Kannel-Username") != Username || h.Get("X-Kannel-Password") != Password:
		return http.StatusForbidden, "Authorization failed for sendsms"
	case len(h.Values("X-Kannel-To")) == 0:
		return http.StatusBadRequest, "Missing receiver(s) number(s), rejected"
	}
	if complaint := checkHeaders(h); complaint != "" {
		return http.StatusBadRequest, complaint
	}
	if !strings.EqualFold(params["charset"], "UTF-8") || !utf8.ValidString(text) {
		return http.StatusBadRequest, "Charset conversion error, rejected"
	}
	return 0, ""
}

func checkHeaders(h http.Header) string {
	for name, values := range h {
		if strings.HasPrefix(name, "X-Kannel-") && (!known(name) || len(values) != 1) {
			return "Unknown or repeated header " + name
		}
	}
	to, coding := h.Get("X-Kannel-To"), h.Get("X-Kannel-Coding")
	switch {
	case to == "":
		return "Empty receiver number not allowed, rejected"
	case strings.Trim(to, "0123456789+") != "":
		return "Number(s) has/have been denied by white- and/or black-lists."
	case h.Get("X-Kannel-From") == "":
		return "Sender missing and no global set, rejected"
	case coding != "0" && coding != "2":
		return "Coding field misformed, rejected"
	case !isNumber(h, "X-Kannel-Validity", 1, 63*7*24*60):
		return "Validity field misformed, rejected"
	}
	return checkReports(h)
}

// checkReports checks that reports are asked for with a mask and an URL, or not at all.
func checkReports(h http.Header) string {
	mask, target := h.Get("X-Kannel-Dlr-Mask"), h.Get("X-Kannel-Dlr-Url")
	if mask == "" && target == "" {
		return ""
	}
	u, err := url.Parse(expand(target, report{}))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || !isNumber(h, "X-Kannel-Dlr-Mask", 1, 31) {
		return "DLR fields misformed, rejected"
	}
	return ""
}

// isNumber reports whether a header is a number within bounds, or not there.
func isNumber(h http.Header, name string, least, most int) bool {
	if h.Get(name) == "" {
		return true
	}
	n, err := strconv.Atoi(h.Get(name))
	return err == nil && n >= least && n <= most
}
