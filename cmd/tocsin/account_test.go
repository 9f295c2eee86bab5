package main

import "testing"

// TestExposed: a person's token is not sent over a network in clear.
func TestExposed(t *testing.T) {
	for server, want := range map[string]bool{
		"https://tocsin.example": false, "http://tocsin.example": true, "http://10.0.0.5:8080": true, "http://[2001:db8::1]:8080": true,
		"http://127.0.0.1:8080": false, "http://[::1]:8080": false, "http://localhost:8080": false, "": false,
	} {
		if got := exposed(server); got != want {
			t.Errorf("exposed(%q) = %v, want %v", server, got, want)
		}
	}
}
