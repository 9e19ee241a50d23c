package signin

import "strings"

// Refusal says why somebody could not sign in at the provider: words for a person, and, in Unwrap, what happened, for
// the log.
type Refusal struct {
	Text, Help string
	Name       string // who it was, where that is known
	Away       bool   // the provider does not answer: it is nobody's fault here
	cause      error
}

func refusal(text, help string, cause error) Refusal {
	return Refusal{Text: text, Help: help, cause: cause}
}

func (r Refusal) away() Refusal {
	r.Away = true
	return r
}

func (r Refusal) Error() string {
	if r.cause == nil {
		return r.Text
	}
	return r.Text + " " + short(r.cause.Error())
}

func (r Refusal) Unwrap() error { return r.cause }

// Words that are said in several places.
const (
	textAway  = "The sign-in provider does not answer."
	helpAway  = "Try again in a moment; the log of tokenwatch says what was tried."
	textToken = "What the sign-in provider said about you cannot be trusted."
	helpToken = "Try again; the log of tokenwatch says what is wrong with it."
	textStale = "This sign-in took too long, or began in another browser."
	helpStale = "Begin again."
)

// short bounds what a stranger's server said.
func short(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), 300)], "")
	return strings.Join(strings.Fields(text), " ")
}
