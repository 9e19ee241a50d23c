package signin

import (
	"errors"
	"fmt"
	"strings"
)

// person is whom the provider's claims are about, with the highest role of the person's groups.
func (c OIDCConfig) person(claims map[string]any) (Person, error) {
	name := c.nameOf(claims)
	if name == "" {
		return Person{}, refusal("The sign-in provider did not say who you are.", "console.oidc.name_claim names the claim to read.", errors.New("no claim names the person"))
	}
	p := Person{Name: name, Role: c.DefaultRole, Via: viaOIDC}
	for _, group := range texts(lookup(claims, c.RoleClaim)) {
		p.Role = max(p.Role, c.Roles[group])
	}
	if p.Role == Nobody {
		r := refusal(fmt.Sprintf("%s has no role here.", name), "Somebody who runs tokenwatch can give one of your groups a role (console.oidc.roles).", errors.New("none of the person's groups has a role"))
		r.Name = name
		return Person{}, r
	}
	return p, nil
}

// nameOf passes an address over that the provider has not verified: anybody can claim one.
func (c OIDCConfig) nameOf(claims map[string]any) string {
	names := []string{c.NameClaim}
	if c.NameClaim == "" {
		names = []string{"preferred_username", "email", "sub"}
	}
	for _, claim := range names {
		name, _ := lookup(claims, claim).(string)
		if name = bounded(name); name == "" || claim == "email" && fmt.Sprint(claims["email_verified"]) == "false" {
			continue
		}
		return name
	}
	return ""
}

// lookup finds a claim by its name, or by a path of names with dots between them.
func lookup(claims map[string]any, path string) any {
	if v, found := claims[path]; found {
		return v
	}
	first, rest, nested := strings.Cut(path, ".")
	inner, is := claims[first].(map[string]any)
	if !nested || !is {
		return nil
	}
	return lookup(inner, rest)
}

// texts reads a text or a list of them.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, e := range v {
			if s, is := e.(string); is {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}
