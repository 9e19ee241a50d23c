package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

type deadLettersShow struct {
	IDs  []string `arg:"" name:"id" placeholder:"ID" help:"topic/partition/offset, or topic/partition/offset/item for one entry of a batched record, as list prints them."`
	JSON bool     `name:"json" help:"One JSON object a line."`
}

// Run shows.
func (c deadLettersShow) Run(p *process) error {
	wanted, err := letterIDs(c.IDs)
	if err != nil {
		return err
	}
	return p.withStore(func(e *engines) error {
		missing := false
		for _, id := range wanted {
			letters, err := id.find(p, e, true)
			if err != nil {
				return err
			}
			if len(letters) == 0 {
				missing = true
				fmt.Fprintf(p.stderr, "tokenwatch: no dead letter %s: it may be older than clickhouse.retention.dead_letters, or the record was fine\n", id)
			}
			for i := range letters {
				if err := c.show(p, e, &letters[i]); err != nil {
					return err
				}
			}
		}
		if missing {
			return errFailed
		}
		return nil
	})
}

func (c deadLettersShow) show(p *process, e *engines, l *schema.DeadLetter) error {
	if c.JSON {
		return json.NewEncoder(p.stdout).Encode(deadLetterLine(l))
	}
	lines, err := e.db.Replays(p.ctx, l.Topic, l.Partition, []int64{l.Offset})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s\n", l.ID())
	for _, row := range [][2]string{
		{"stored", l.Ingested.UTC().Format(stamp)}, {"format", l.Source}, {"reason", l.Reason}, {"detail", oneLine(l.Detail)},
		{"what to do", adviceOn(l.Reason)}, {"size", fmt.Sprintf("%d bytes", l.Size)}, {"fields", fieldsOf(l.Payload)},
		{"replayed", replayWords(l, lines)}, {"payload", printable(l.Payload)},
	} {
		if row[1] != "" {
			fmt.Fprintf(p.stdout, "    %-12s %s\n", row[0], row[1])
		}
	}
	fmt.Fprintln(p.stdout)
	return nil
}

func replayWords(l *schema.DeadLetter, lines []schema.Replay) string {
	words := ""
	for i := range lines {
		letter := lines[i].Letter()
		if letter.Origin() != l.Origin() {
			continue
		}
		switch lines[i].State {
		case schema.ReplayDone:
			return fmt.Sprintf("on %s, as %s/%d/%d", lines[i].At.UTC().Format(time.RFC3339), l.Topic, l.Partition, lines[i].NewOffset)
		case schema.ReplayIntended:
			words = "begun on " + lines[i].At.UTC().Format(time.RFC3339) + ", not ended"
		default:
			words = ""
		}
	}
	return words
}

// printable shows the payload on one line: a terminal obeys some of what strangers send.
func printable(payload string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '·'
		}
		return r
	}, payload)
}

// letterID names dead letters: all of a record, or one entry of it.
type letterID struct {
	at   schema.DeadLetter
	item bool
	text string
}

func (id letterID) String() string { return id.text }

func letterIDs(texts []string) ([]letterID, error) {
	var ids []letterID
	for _, text := range texts {
		id, err := parseLetterID(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func parseLetterID(text string) (letterID, error) {
	id := letterID{text: text}
	parts := strings.Split(text, "/")
	wrong := fmt.Errorf("%q names no dead letter: want topic/partition/offset or topic/partition/offset/item, as `tokenwatch deadletters list` prints them", text)
	if len(parts) != 3 && len(parts) != 4 || parts[0] == "" {
		return id, wrong
	}
	partition, err := strconv.ParseInt(parts[1], 10, 32)
	if err != nil {
		return id, wrong
	}
	offset, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return id, wrong
	}
	id.at = schema.DeadLetter{Topic: parts[0], Partition: int32(partition), Offset: offset}
	if len(parts) == 4 {
		item, err := strconv.ParseUint(parts[3], 10, 32)
		if err != nil {
			return id, wrong
		}
		id.at.Item, id.item = uint32(item), true
	}
	return id, nil
}

// find reads the letters that an id names.
func (id letterID) find(p *process, e *engines, replayed bool) ([]schema.DeadLetter, error) {
	var letters []schema.DeadLetter
	err := e.db.ChooseDeadLetters(p.ctx, clickhouse.LetterFilter{At: &id.at, Replayed: replayed}, func(l *schema.DeadLetter) error {
		if !id.item || l.Item == id.at.Item {
			letters = append(letters, *l)
		}
		return nil
	})
	return letters, err
}
