package slack

import "strings"

// ref names a message: its channel, its time stamp, and whether its picture is there.
type ref struct {
	channel, ts string
	pictured    bool
}

const pictured = "picture"

func (r ref) String() string {
	text := r.channel + "/" + r.ts
	if r.pictured {
		text += "/" + pictured
	}
	return text
}

func parseRef(text string) (r ref, ok bool) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return ref{}, false
	}
	return ref{channel: parts[0], ts: parts[1], pictured: len(parts) > 2 && parts[2] == pictured}, true
}
