package discord

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"
	"unicode"
)

// escape keeps Discord from reading markup, mentions and links in a text, and cuts it to so
// many characters. A backslash takes the meaning of any sign that is neither letter, digit
// nor space.
func escape(s string, limit int) string {
	var b strings.Builder
	count := 0
	for _, r := range s {
		piece := string(r)
		if r < unicode.MaxASCII && unicode.In(r, unicode.P, unicode.S) && !strings.ContainsRune(",.;!?%'\"$&+=^/", r) {
			piece = `\` + piece
		}
		if count += units(piece); count > limit-1 {
			return b.String() + "…"
		}
		b.WriteString(piece)
	}
	return b.String()
}

// fenced puts a text into a block of fixed width, which ends where it should.
func fenced(s string) string { return "```\n" + fence(s) + "\n```" }

func fence(s string) string { return strings.ReplaceAll(s, "`", "'") }

// units is the length of a text in UTF-16 code units: whatever Discord counts in, it is not
// more.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// clip cuts a text to so many units, never within a character.
func clip(s string, limit int) string {
	if units(s) <= limit {
		return s
	}
	count := 0
	for i, r := range s {
		if count += units(string(r)); count > limit-1 {
			return strings.TrimRight(s[:i], `\`) + "…"
		}
	}
	return s
}

const pictureName = "incident.png"

// form puts a payload and a picture together as Discord wants files.
func form(payload, picture []byte) (body []byte, kind string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, part := range []struct {
		disposition, kind string
		data              []byte
	}{
		{`form-data; name="payload_json"`, "application/json", payload},
		{fmt.Sprintf(`form-data; name="files[0]"; filename="%s"`, pictureName), "image/png", picture},
	} {
		p, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {part.disposition}, "Content-Type": {part.kind}})
		if err == nil {
			_, err = p.Write(part.data)
		}
		if err != nil {
			return nil, "", fmt.Errorf("writing a form: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", fmt.Errorf("writing a form: %w", err)
	}
	return b.Bytes(), w.FormDataContentType(), nil
}
