package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

type revokeCommand struct {
	List    revokeListCommand    `cmd:"" help:"Where each revocation stands; with an incident, every step of it."`
	Approve revokeApproveCommand `cmd:"" help:"Take an incident's token out of use, if revoke.mode or its rule is ask or automatic."`
	Stop    revokeStopCommand    `cmd:"" help:"Keep the token: ends a countdown, or answers the question with no."`
	Restore revokeRestoreCommand `cmd:"" help:"Give a token back that was taken out of use."`
}

type revokeListCommand struct {
	Incident string        `arg:"" optional:"" help:"Every step about this incident's token."`
	Since    time.Duration `default:"168h" help:"How far back to look."`
}

// Run prints the audit.
func (c revokeListCommand) Run(p *process) error {
	return p.withStore(func(e *engines) error {
		since := time.Now().Add(-c.Since)
		if c.Incident != "" {
			since = time.Now().Add(time.Hour) // of others nothing
		}
		steps, err := e.db.Revocations(p.ctx, since, c.Incident)
		if err != nil {
			return err
		}
		if c.Incident == "" {
			steps = newestSteps(steps)
		}
		if len(steps) == 0 {
			fmt.Fprintln(p.stderr, "No revocation was considered.")
			return nil
		}
		return printSteps(p.stdout, steps)
	})
}

// newestSteps keeps of each incident where it stands, the latest first.
func newestSteps(steps []schema.RevocationStep) []schema.RevocationStep {
	latest := map[string]schema.RevocationStep{}
	for _, s := range steps {
		if s.Revocation.Step >= latest[s.Incident].Revocation.Step {
			latest[s.Incident] = s
		}
	}
	list := make([]schema.RevocationStep, 0, len(latest))
	for _, s := range latest {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b schema.RevocationStep) int {
		return cmp.Or(b.Revocation.At.Compare(a.Revocation.At), cmp.Compare(a.Incident, b.Incident))
	})
	return list
}

func printSteps(out io.Writer, steps []schema.RevocationStep) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "INCIDENT\tAT\tSTEP\tSTATE\tOWNER\tVIA\tBY\tWHAT")
	for _, s := range steps {
		r := s.Revocation
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Incident, r.At.UTC().Format("2006-01-02 15:04:05"), s.Action, r.State,
			cmp.Or(s.Consumer, "-"), cmp.Or(r.Via, "-"), cmp.Or(r.By, r.Rule, "-"), cmp.Or(r.Reason, r.Answer, "-"))
	}
	return w.Flush()
}

// revokeOrder is what the three commands that decide have in common.
type revokeOrder struct {
	Incident string        `arg:"" help:"The incident's id."`
	Note     string        `help:"Why; it stands in the messages."`
	By       string        `help:"Who decides; you, if left out." placeholder:"NAME"`
	Wait     time.Duration `default:"10s" help:"How long to wait for what comes of it."`
}

type revokeApproveCommand struct {
	revokeOrder `embed:""`
}

type revokeStopCommand struct {
	revokeOrder `embed:""`
}

type revokeRestoreCommand struct {
	revokeOrder `embed:""`
}

// Run approves.
func (c revokeApproveCommand) Run(p *process) error { return c.give(p, schema.VerdictRevoke) }

// Run stops.
func (c revokeStopCommand) Run(p *process) error { return c.give(p, schema.VerdictKeep) }

// Run restores.
func (c revokeRestoreCommand) Run(p *process) error { return c.give(p, schema.VerdictRestore) }

// give keeps the order, and waits for the tokenwatch that runs to carry it out.
func (c revokeOrder) give(p *process, kind schema.VerdictKind) error {
	press := alert.Press{ID: pressID(), Incident: c.Incident, Kind: kind, By: byWhom(c.By), Note: c.Note, At: time.Now()}
	return p.withStore(func(e *engines) error {
		before, err := e.lastStep(p.ctx, c.Incident)
		if err != nil {
			return err
		}
		said, err := p.say(e, press)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, said)
		return c.await(p, e, before)
	})
}

// await prints what comes of an order, or that nothing has come yet.
func (c revokeOrder) await(p *process, e *engines, before uint64) error {
	for deadline := time.Now().Add(c.Wait); time.Now().Before(deadline); {
		steps, err := e.db.Revocations(p.ctx, time.Now().Add(time.Hour), c.Incident)
		if err != nil {
			return err
		}
		if n := len(steps); n > 0 && steps[n-1].Revocation.Step > before && isSettled(steps[n-1].Revocation.State) {
			r := steps[n-1].Revocation
			fmt.Fprintf(p.stdout, "%s: %s\n", r.State, cmp.Or(r.Reason, r.Answer, "done"))
			return nil
		}
		select {
		case <-p.ctx.Done():
			return p.ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	fmt.Fprintf(p.stderr, "Nothing has come of it within %s. Either it makes no sense as the revocation stands (tokenwatch revoke list %s), "+
		"or no tokenwatch runs: the next one that does takes it up.\n", c.Wait, c.Incident)
	return nil
}

// isSettled reports whether a state is what becomes of an order.
func isSettled(s schema.RevocationState) bool {
	return s != schema.RevocationCalling && s != schema.RevocationRestore && s != schema.RevocationCounting
}

func (e *engines) lastStep(ctx context.Context, incident string) (last uint64, err error) {
	steps, err := e.db.Revocations(ctx, time.Now().Add(time.Hour), incident)
	for _, s := range steps {
		last = max(last, s.Revocation.Step)
	}
	return last, err
}
