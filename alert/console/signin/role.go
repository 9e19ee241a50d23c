package signin

import "errors"

// Role is what a person may do. Each may do what those before it may.
type Role uint8

// Roles.
const (
	Nobody    Role = iota // not signed in
	Viewer                // looks
	Responder             // gives verdicts, silences, approves and stops revocations
	Admin                 // changes allow-lists, applies what a backtest tried, reads the audit
)

var roleNames = map[Role]string{Viewer: "viewer", Responder: "responder", Admin: "admin"}

// String is the role's name in the configuration.
func (r Role) String() string { return roleNames[r] }

// MarshalText writes the name.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a name. An empty one is nobody's.
func (r *Role) UnmarshalText(text []byte) error {
	for role, name := range roleNames {
		if name == string(text) {
			*r = role
			return nil
		}
	}
	if len(text) == 0 {
		*r = Nobody
		return nil
	}
	return errors.New("want viewer, responder or admin") // it may be a password in the wrong place
}

// Person is somebody who is signed in.
type Person struct {
	Name string `json:"name"` // as verdicts and the audit name them
	Role Role   `json:"role"`
	Via  string `json:"via"` // password or oidc
}

// Ways to sign in.
const (
	viaPassword = "password"
	viaOIDC     = "oidc"
)

// May tells whether the person may do what takes a role.
func (p Person) May(role Role) bool { return p.Role >= role }
