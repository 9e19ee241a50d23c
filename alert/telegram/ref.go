package telegram

import (
	"fmt"
	"strconv"
	"strings"
)

// ref names a message: its chat, its number, and whether its picture is there.
type ref struct {
	chat     int64
	message  int
	pictured bool
}

const pictured = "picture"

func (r ref) String() string {
	text := fmt.Sprintf("%d/%d", r.chat, r.message)
	if r.pictured {
		text += "/" + pictured
	}
	return text
}

func parseRef(text string) (ref, bool) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 {
		return ref{}, false
	}
	chat, err1 := strconv.ParseInt(parts[0], 10, 64)
	message, err2 := strconv.Atoi(parts[1])
	return ref{chat: chat, message: message, pictured: len(parts) > 2 && parts[2] == pictured}, err1 == nil && err2 == nil
}
