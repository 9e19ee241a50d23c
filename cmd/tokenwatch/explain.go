package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

type explainCommand struct {
	Name string `arg:"" name:"token-or-finding" placeholder:"TOKEN|FINDING" help:"A token's fingerprint, as 'tokenwatch fingerprint' prints it, or a finding's id; or the first digits of either."`
}

// Help is what --help says beyond the flags.
func (explainCommand) Help() string {
	return `Shows what is known of a token, in words and a chart of its week, and why it was found:

  tokenwatch explain 7c9e6679
  tokenwatch fingerprint < leaked.txt | xargs tokenwatch explain

Never give the token itself: it would stay in the shell's history.`
}

// listedFindings is how many findings of a token are shown.
const listedFindings = 5

// Run explains.
func (c explainCommand) Run(p *process) error {
	name := strings.ToLower(strings.TrimSpace(c.Name))
	if name == "" || len(name) > 32 || strings.Trim(name, "0123456789abcdef") != "" {
		// What was given is not repeated: it may be a token.
		return errors.New("that is neither a fingerprint nor a finding's id: want 1 to 32 hexadecimal digits; `tokenwatch fingerprint < FILE` prints the fingerprints of tokens")
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	return p.withStore(func(e *engines) error {
		names, err := e.db.Named(p.ctx, name)
		if err != nil {
			return err
		}
		t := &teller{process: p, cfg: cfg.Detect, db: e.db, out: bufio.NewWriter(p.stdout), now: time.Now().UTC()}
		switch {
		case len(names.Tokens)+len(names.Findings) > 1:
			return ambiguous(name, names)
		case len(names.Tokens) == 1:
			err = t.token(names.Tokens[0])
		case len(names.Findings) == 1:
			err = t.finding(names.Findings[0])
		default:
			err = fmt.Errorf("no token and no finding is stored whose name begins with %s; "+
				"SELECT DISTINCT token_hex, token_hint FROM events lists tokens, SELECT id_hex, summary FROM findings lists findings", name)
		}
		return errors.Join(err, t.out.Flush())
	})
}

func ambiguous(name string, names clickhouse.Names) error {
	var lines []string
	for _, id := range names.Tokens {
		lines = append(lines, "  token    "+id.String())
	}
	for _, id := range names.Findings {
		lines = append(lines, "  finding  "+id.String())
	}
	return fmt.Errorf("%s may be any of these; give more digits:\n%s", name, strings.Join(lines, "\n"))
}

// teller writes down what is known.
type teller struct {
	process *process
	cfg     detect.Config
	db      *clickhouse.DB
	out     *bufio.Writer
	now     time.Time
}

func (t *teller) say(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = printable(s) // a terminal obeys some of what strangers send
		}
	}
	fmt.Fprintf(t.out, format+"\n", args...)
}

// token tells of a token: who it is, its profile, its latest findings.
func (t *teller) token(id schema.TokenID) error {
	ctx := t.process.ctx
	seen, err := t.db.Sighting(ctx, id)
	if err != nil {
		return err
	}
	t.say("Token %s", id.String())
	if seen.Events > 0 {
		for _, row := range [][2]string{{"hint", seen.Hint}, {"owner", seen.Consumer}, {"environment", seen.Environment}, {"gateway", seen.Source}} {
			if row[1] != "" {
				t.say("    %-12s %s", row[0], row[1])
			}
		}
		t.say("    %-12s %s, %s to %s", "stored", counted(int(seen.Events), "event"), stampOf(seen.First), stampOf(seen.Last))
	} else {
		t.say("    %-12s no events any more: they are kept for clickhouse.retention.events", "stored")
	}
	if err := t.profiles(id, seen.Events > 0); err != nil {
		return err
	}
	return t.findings(id)
}

// profiles tells what was learnt of a token, in each partition that learnt something.
func (t *teller) profiles(id schema.TokenID, active bool) error {
	rows, err := t.db.TokenProfiles(t.process.ctx, id)
	if err != nil {
		return err
	}
	if len(rows) == 0 && active {
		t.say("\nNo profile is stored yet: a running tokenwatch stores them every detect.snapshot_every (%s) while records come, and when it stops.", t.cfg.SnapshotEvery.String())
	}
	shared, err := t.db.TokenProfiles(t.process.ctx, schema.TokenID{})
	if err != nil {
		return err
	}
	for _, row := range rows {
		t.say("\nProfile from %s/%d, as of %s", row.Topic, row.Partition, stampOf(row.Updated))
		switch row.Status {
		case schema.ProfileRenamed:
			t.say("    moved to the token's name under a new pepper: SELECT * FROM token_names WHERE token = unhex('%s')", id.String())
			continue
		case schema.ProfileDropped:
			t.say("    dropped to make room for others (detect.max_tokens)")
			continue
		}
		portrait, err := detect.Explain(t.cfg, row, besides(shared, row), t.now)
		if err != nil {
			t.say("    %s, %s, %s; the rest was stored by another version, and is learnt anew when this one takes the partition over",
				string(row.Status), counted(int(row.Days), "day"), counted(int(row.Events), "event"))
			continue
		}
		t.portrait(portrait)
	}
	return nil
}

// besides is what the tokens of a profile's partition share.
func besides(shared []schema.Profile, row schema.Profile) *schema.Profile {
	for i := range shared {
		if s := &shared[i]; s.Topic == row.Topic && s.Partition == row.Partition {
			return s
		}
	}
	return nil
}

// findings lists the latest findings of a token, and explains the newest.
func (t *teller) findings(id schema.TokenID) error {
	list, err := t.db.TokenFindings(t.process.ctx, id, listedFindings)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		t.say("\nNothing was found about it.")
		return nil
	}
	t.say("\nLatest findings")
	for i := range list {
		f := &list[i]
		t.say("    %s  %-8s %5.2f  %s", stampOf(f.Time), f.Severity.String(), f.Score, f.ID.String())
		t.say("        %s", f.Summary)
	}
	t.say("\nReasons of the newest")
	t.reasons(list[0].Evidence)
	return nil
}

// finding tells of a finding: what was seen, what is normal, why the two do not fit.
func (t *teller) finding(id schema.FindingID) error {
	f, err := t.db.Finding(t.process.ctx, id)
	if err != nil {
		return err
	}
	if f == nil {
		return fmt.Errorf("finding %s is not stored any more", id)
	}
	t.say("Finding %s", id.String())
	t.say("    %-12s %s", "time", stampOf(f.Time))
	t.say("    %-12s %s %s %s", "token", f.Token.String(), f.TokenHint, f.Consumer)
	t.say("    %-12s %.2f, %s (1.0 is enough for an alert)", "score", f.Score, f.Severity.String())
	t.say("    %-12s %s", "summary", f.Summary)
	t.say("\nReasons")
	t.reasons(f.Evidence)
	t.say("\nSeen since %s", stampOf(f.Seen.Since))
	t.say("    %-12s %s from %s, at most %d within a minute", "requests", fmt.Sprint(f.Seen.Requests), counted(f.Seen.Addresses, "address"), f.Seen.PeakMinute)
	t.list("places", f.Seen.Places)
	t.list("networks", f.Seen.Networks)
	t.list("clients", f.Seen.Clients)
	t.normal(&f.Normal)
	t.say("\n'tokenwatch explain %s' shows the token as it is now.", f.Token.String())
	return nil
}
