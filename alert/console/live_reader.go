package console

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

const (
	mostChanges = 100             // incidents that one message tells of; of more it says that they are many
	mostKnown   = 20_000          // incidents of which it is remembered that they are there
	lateness    = 5 * time.Second // how long after its time a row may become visible
	liveTimeout = 5 * time.Second // for one question
)

// liveReader asks the store what changed, for as long as somebody looks.
type liveReader struct {
	feed *feed

	upto   time.Time           // everything until then was told
	told   map[string]uint64   // revisions that were told of lately, by incident; at most mostChanges
	known  map[string]struct{} // incidents that are there; at most mostKnown: beyond, none counts as new
	silent bool                // the store did not answer the last time
}

func (r *liveReader) run(ctx context.Context) {
	tick := time.NewTicker(r.feed.every)
	defer tick.Stop()
	for {
		r.failed(ctx, r.ask(ctx))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// failed says once that the store does not answer, and once that it does again.
func (r *liveReader) failed(ctx context.Context, err error) {
	if ctx.Err() != nil || (err != nil) == r.silent {
		return
	}
	r.silent = err != nil
	if err != nil {
		r.feed.log.Warn("console: live updates pause", "error", err)
	}
	r.feed.mute(ctx, r.silent)
}

func (r *liveReader) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	if r.upto.IsZero() {
		return r.begin(ctx)
	}
	changes, err := r.feed.store.IncidentChanges(ctx, r.upto.Add(-lateness), mostChanges)
	if err != nil {
		return err
	}
	if changes.Many {
		r.many(ctx, changes)
		return nil
	}
	if err := r.learn(ctx, r.upto); err != nil {
		return err
	}
	rows := r.fresh(changes.Lines)
	if changes.Upto.After(r.upto) {
		r.upto = changes.Upto
	}
	if len(rows) > 0 {
		n := news{upto: r.upto, open: changes.Open}
		n.message = rowsMessage(n, rows)
		r.feed.tell(ctx, n)
	}
	return nil
}

// begin finds out from when on to read.
func (r *liveReader) begin(ctx context.Context) error {
	now, err := r.feed.store.Now(ctx)
	if err != nil {
		return err
	}
	open, err := r.feed.store.OpenIncidents(ctx)
	if err != nil {
		return err
	}
	r.upto = r.feed.earliest(now)
	r.feed.begin(ctx, r.upto, open)
	return r.ask(ctx)
}

// learn finds out which incidents are there already, unless that is known.
func (r *liveReader) learn(ctx context.Context, before time.Time) error {
	if r.known != nil {
		return nil
	}
	ids, err := r.feed.store.LiveIncidents(ctx, before, mostKnown)
	if err != nil {
		return err
	}
	r.known = make(map[string]struct{}, len(ids))
	for _, id := range ids {
		r.known[id] = struct{}{}
	}
	return nil
}

// many tells that more changed than is worth telling one by one. It is told again as long as that is so.
func (r *liveReader) many(ctx context.Context, changes board.IncidentChanges) {
	if !changes.Upto.After(r.upto) {
		return // the same ones again, which are looked at for longer than they are new
	}
	r.upto, r.told, r.known = changes.Upto, nil, nil
	n := news{upto: r.upto, open: changes.Open}
	n.message = manyMessage(n)
	r.feed.tell(ctx, n)
}

// fresh are those that were not told of yet. Rows are asked for again for a while, since some become visible late.
func (r *liveReader) fresh(lines []board.IncidentLine) (rows []incidentRow) {
	told := make(map[string]uint64, len(lines))
	for _, l := range lines {
		told[l.ID] = l.Revision
		if r.told[l.ID] == l.Revision {
			continue
		}
		row := rowOf(l, board.Spark{}, time.Now())
		row.New = r.meet(l)
		rows = append(rows, row)
	}
	r.told = told
	return rows
}

// meet tells whether an incident was not there before.
func (r *liveReader) meet(l board.IncidentLine) bool {
	_, known := r.known[l.ID]
	switch {
	case l.State == schema.IncidentResolved:
		delete(r.known, l.ID)
		return false
	case known || len(r.known) >= mostKnown:
		return false
	}
	r.known[l.ID] = struct{}{}
	return true
}

// words of a message.
type liveWords struct {
	Open uint64        `json:"open"`
	Rows []incidentRow `json:"rows,omitempty"`
}

// rowsMessage tells of incidents as they are now.
func rowsMessage(n news, rows []incidentRow) []byte {
	return fmt.Appendf(nil, "id: %d\n%s", n.upto.UnixMilli(), message("rows", liveWords{n.open, rows}))
}

// manyMessage tells that it was too much to tell.
func manyMessage(n news) []byte {
	return fmt.Appendf(nil, "id: %d\n%s", n.upto.UnixMilli(), message("many", liveWords{Open: n.open}))
}

// openMessage and stateMessage lead nowhere, so they have no id.
func openMessage(open uint64) []byte { return message("open", liveWords{Open: open}) }

func stateMessage(silent bool) []byte {
	if silent {
		return message("pause", nil)
	}
	return message("resume", nil)
}

// message writes a server-sent event. JSON has no line breaks of its own, so nothing that is told can end it.
func message(event string, words any) []byte {
	data, err := json.Marshal(words)
	if err != nil { // texts and numbers can always be written
		data = []byte("null")
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", event, data)
}
