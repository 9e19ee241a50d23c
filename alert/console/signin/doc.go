// Package signin knows who is asking: it signs people in with a password or at an OpenID Connect provider, keeps their
// sessions, and says what role they have.
//
//	password ──► throttle ──► people ───┐
//	                                    ├──► sessions ◄──► file     cookie ──► Who ──► Person, Role
//	provider ──► ticket ───► claims ────┘
//
// It owns sessions, roles, the tokens that tell a form of ours from one of somebody else's, and what is believed of
// proxies. It refuses to know what is behind the door: pages, incidents and the rest of the console; and it keeps nothing
// that opens it, but for the passwords of the configuration.
package signin
