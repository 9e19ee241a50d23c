package signin

import "fmt"

// Role is what a person may do. Each may do what those before it may.
type Role uint8

// Roles.
const (
	Nobody    Role = iota // not signed in
	Viewer                // looks
	Responder             // gives verdicts, silences, approves and stops revocations
	Admin                 // changes allow-lists, applies what a backtest tried
)

var roleNames = map[Role]string{Viewer: "viewer", Responder: "responder", Admin: "admin"}

// String is the role's name in the configuration.
func (r Role) String() string { return roleNames[r] }

// MarshalText writes the name.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a name.
func (r *Role) UnmarshalText(text []byte) error {
	for role, name := range roleNames {
		if name == string(text) {
			*r = role
			return nil
		}
	}
	return fmt.Errorf("%q: want viewer, responder or admin", text)
}

// Person is somebody who is signed in.
type Person struct {
	Name string // as verdicts and the audit name them
	Role Role
	Via  string // password or oidc
}

// May tells whether the person may do what takes a role.
func (p Person) May(role Role) bool { return p.Role >= role }
