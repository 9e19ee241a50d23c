package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/schema"
)

func TestTokenIDText(t *testing.T) {
	const text = "00112233445566778899aabbccddeeff"
	id, err := schema.ParseTokenID(text)
	if err != nil || id.String() != text || id.IsZero() {
		t.Fatalf("got %s, %v", id, err)
	}
	data, err := json.Marshal(id)
	if err != nil || string(data) != `"`+text+`"` {
		t.Errorf("got %s, %v", data, err)
	}
	var back schema.TokenID
	if err := json.Unmarshal(data, &back); err != nil || back != id {
		t.Errorf("got %s, %v", back, err)
	}
	if upper, err := schema.ParseTokenID(strings.ToUpper(text)); err != nil || upper != id {
		t.Errorf("upper case: %s, %v", upper, err)
	}
	for _, bad := range []string{"", "00", text + "00", strings.Repeat("x", 32)} {
		if _, err := schema.ParseTokenID(bad); err == nil || strings.Contains(err.Error(), text) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
	if !(schema.TokenID{}).IsZero() {
		t.Error("the zero fingerprint is not zero")
	}
}

func TestSeverityNames(t *testing.T) {
	for i, name := range schema.SeverityNames {
		s, err := schema.ParseSeverity(name)
		if err != nil || int(s) != i || s.String() != name {
			t.Errorf("%s: got %d %s, %v", name, s, s, err)
		}
	}
	if _, err := schema.ParseSeverity("urgent"); err == nil || !strings.Contains(err.Error(), "critical") {
		t.Errorf("an unknown severity: %v", err)
	}
	if s := schema.Severity(99).String(); s != "info(99)" {
		t.Errorf("got %q", s)
	}
}

func TestNetworkNames(t *testing.T) {
	for i, name := range schema.NetworkNames {
		var n schema.Network
		if err := n.UnmarshalText([]byte(name)); err != nil || int(n) != i || n.String() != name {
			t.Errorf("%s: got %d %s, %v", name, n, n, err)
		}
	}
	var n schema.Network
	if err := n.UnmarshalText([]byte("moon")); err == nil {
		t.Error("an unknown kind was taken")
	}
}

func TestPlaceLocated(t *testing.T) {
	for place, want := range map[schema.Place]bool{
		{}:             false,
		{Lat: 52.5}:    true,
		{Lon: -0.1}:    true,
		{Country: "X"}: false,
	} {
		if place.Located() != want {
			t.Errorf("%+v: located is %v", place, !want)
		}
	}
}
