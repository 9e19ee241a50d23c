// Package signin knows who is asking: it signs people in with a password or at an OpenID Connect provider, keeps their
// sessions, and says what role they have.
//
// It owns sessions, roles and the tokens that tell a form of ours from one of somebody else's. It refuses to know what
// is behind the door: pages, incidents and the rest of the console.
package signin
