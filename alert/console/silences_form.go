package console

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/alert"
)

// silenceForm is what somebody typed, and what is wrong with it. It is shown again as it was typed.
type silenceForm struct {
	Conditions string // one a line
	Reason     string
	For        string // 2h, 3d
	From       string // empty: now
	Wrong      map[string]string
}

// Bounds of what is typed. A silence is read by every instance every few seconds.
const (
	mostConditions = 20
	mostTyped      = 500 // characters of a condition, or a reason
)

func readSilenceForm(values url.Values) silenceForm {
	f := silenceForm{
		Conditions: strings.Join(values["condition"], "\n"), Reason: strings.TrimSpace(values.Get("reason")),
		For: strings.TrimSpace(values.Get("for")), From: strings.TrimSpace(values.Get("from")),
	}
	for _, field := range []*string{&f.Conditions, &f.Reason, &f.For, &f.From} {
		*field = clip(strings.ReplaceAll(*field, "\r", ""), mostConditions*mostTyped)
	}
	if f.For == "" {
		f.For = "4h"
	}
	return f
}

func (f *silenceForm) blank() bool { return f.Conditions == "" && f.Reason == "" }

func (f *silenceForm) wrong(field, text string) {
	if f.Wrong == nil {
		f.Wrong = map[string]string{}
	}
	if f.Wrong[field] == "" {
		f.Wrong[field] = clip(text, 300)
	}
}

// conditions are the lines that are not empty.
func (f *silenceForm) conditions() (list []string) {
	for line := range strings.SplitSeq(f.Conditions, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// silence is what the form asks for; if it makes none, the form says why.
func (f *silenceForm) silence(by string, now time.Time) (alert.Silence, bool) {
	list := f.conditions()
	if len(list) > mostConditions || longest(list) > mostTyped {
		f.wrong("conditions", fmt.Sprintf("At most %d conditions of %d characters.", mostConditions, mostTyped))
	}
	if utf8.RuneCountInString(f.Reason) > mostTyped {
		f.wrong("reason", fmt.Sprintf("At most %d characters.", mostTyped))
	}
	length, err := parseLength(f.For)
	if err != nil {
		f.wrong("until", err.Error())
	}
	from, err := parseFrom(f.From, now)
	if err != nil {
		f.wrong("from", err.Error())
	}
	silence, err := alert.NewSilence(list, by, f.Reason, from, length, now)
	var wrong alert.SilenceError
	if errors.As(err, &wrong) {
		f.wrong(wrong.Field, wrong.Text)
		if wrong.Field == "conditions" && f.Reason == "" { // say all of it at once
			f.wrong("reason", "a silence needs a reason")
		}
	}
	return silence, err == nil && len(f.Wrong) == 0
}

func longest(list []string) (n int) {
	for _, text := range list {
		n = max(n, utf8.RuneCountInString(text))
	}
	return n
}

// parseLength reads a length of time: 90m, 2h, 3d, 2w.
func parseLength(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is no length of time such as 30m, 4h or 3d", clip(text, 40))
	unit := time.Duration(0)
	switch {
	case strings.HasSuffix(text, "d"):
		unit = 24 * time.Hour
	case strings.HasSuffix(text, "w"):
		unit = 7 * 24 * time.Hour
	}
	if unit == 0 {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return 0, wrong
		}
		return d, nil
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 16)
	if err != nil || n == 0 || n > 1000 {
		return 0, wrong
	}
	return time.Duration(n) * unit, nil
}

// parseFrom reads when a silence begins: as a browser's field gives it, in UTC, or nothing for now.
func parseFrom(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	at, err := parseMoment(text)
	switch {
	case err != nil:
		return now, err
	case at.Before(now.Add(-time.Minute)):
		return now, errors.New("that is past; leave it empty to begin now")
	case at.After(now.AddDate(1, 0, 0)):
		return now, errors.New("that is more than a year away")
	}
	return at, nil
}

// parseMoment reads a time in UTC, as people and browsers write it.
func parseMoment(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly, time.RFC3339, time.DateTime, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil && at.Year() > 2000 && at.Year() < 2200 {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2027-01-31 18:00 (UTC)", clip(text, 40))
}
