package alert

import (
	"context"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Kind says what a message is about. The zero value is one incident.
type Kind uint8

// Kinds of message.
const (
	// KindIncident is the message about one incident: posted where Ref is empty, edited otherwise.
	KindIncident Kind = iota
	// KindReply goes below the message that Ref names, so that people are notified of what an edit would
	// not tell them: the incident became more severe (Escalated), or is still open. It is short: Icon, Title,
	// Sentence and the strongest Reasons are all that is meant to be shown. Only a Replier gets it.
	KindReply
	// KindDigest tells of several incidents at once (Entries), for which single messages would take too long.
	// Its Incident is empty, and it is never edited. Only a Digester gets it.
	KindDigest
)

// Entry is one incident's line in a digest.
type Entry struct {
	Incident string // id
	Severity schema.Severity
	Icon     string
	Title    string // token and owner; at most 140 characters
	Sentence string // what happened; at most 200 characters
	Link     string // to the console; empty where there is none
}

// Replier is a Notifier that can post below a message of its own.
type Replier interface {
	Notifier

	// Replies reports whether it can as it is configured: an incoming webhook, say, cannot.
	Replies() bool
}

// Digester is a Notifier that can show several incidents in one message.
type Digester interface {
	Notifier

	// DigestEntries is how many entries one message holds at most; 0 if it cannot.
	DigestEntries() int
}

// Finder is a Notifier that can look whether it has posted a message already. It is asked when a process ended
// between a post and the record of it: what is found is not posted again.
type Finder interface {
	Notifier

	// Find gives the ref of the message that was posted with m.Key, or "" if there is none. After an error the
	// message is posted again.
	Find(ctx context.Context, m Message) (ref string, err error)
}
