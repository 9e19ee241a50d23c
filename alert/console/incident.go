package console

import (
	"context"
	"net/http"
	"regexp"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// incidentStore is what these pages ask the store: the incident, and then what its panels show.
type incidentStore interface {
	Incident(ctx context.Context, id string) (inc schema.Incident, found bool, err error)
	Revocations(ctx context.Context, since time.Time, incident string) ([]schema.RevocationStep, error)
	CaseNames(ctx context.Context, token schema.TokenID) ([]schema.TokenID, error)
	CaseHistory(ctx context.Context, c board.Case) (board.CaseHistory, error)
	CaseDetail(ctx context.Context, c board.Case) (board.CaseDetail, error)
	CaseMinutes(ctx context.Context, c board.Case, from, until time.Time) (board.Answer[board.CaseMinute], error)
	CaseRequests(ctx context.Context, c board.Case, f board.CaseFilter) (board.Answer[board.CaseRequest], error)
	CaseDeliveries(ctx context.Context, c board.Case) (board.Answer[board.CaseDelivery], error)
	CaseVerdicts(ctx context.Context, c board.Case) (board.Answer[schema.Verdict], error)
	CaseSteps(ctx context.Context, c board.Case) (board.Answer[schema.RevocationStep], error)
	CaseFindings(ctx context.Context, c board.Case) (board.Answer[board.CaseFinding], error)
}

// cases are the pages of single incidents.
type cases struct {
	*Server
	presses *casePresses
}

func (s *Server) incidentRoutes() {
	c := &cases{Server: s, presses: newCasePresses()}
	s.route("GET /incidents/{id}", signin.Viewer, c.page)
	s.route("GET /incidents/{id}/confirm", signin.Responder, c.confirm)
	s.route("POST /incidents/{id}/verdict", signin.Responder, c.verdict)
}

// incidentID is how incidents are named: by alert, or by an older version of it.
var incidentID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`)

// incident is the one that a request is about.
func (c *cases) incident(r *http.Request) (schema.Incident, error) {
	id := r.PathValue("id")
	if !incidentID.MatchString(id) {
		return schema.Incident{}, absent("“"+clip(id, 60)+"” is no id of an incident.", "An id looks like inc-0123456789abcdef; it stands at the foot of every message. The menu above leads to all incidents.")
	}
	inc, found, err := c.parts.Store.Incident(r.Context(), id)
	if err != nil {
		return inc, err
	}
	if !found {
		return inc, absent("There is no incident "+id+".", "It may be older than incidents are kept (clickhouse.retention.incidents), or not have been written to ClickHouse yet: that takes a second or two. The menu above leads to all incidents.")
	}
	return inc, nil
}

func (c *cases) page(w http.ResponseWriter, r *http.Request) error {
	caseFilter, err := caseFilterOf(r.URL.Query())
	if err != nil {
		return err
	}
	inc, err := c.incident(r)
	if err != nil {
		return err
	}
	now := time.Now()
	p := &casePage{Inc: &inc, Now: now, Message: alert.Compose(inc, func(schema.Delivery) string { return "" }), Filter: caseFilter}
	p.Acts = caseActsOf(&inc, sessionOf(r).Person, now)
	c.read(r.Context(), p)
	p.draw()
	return c.show(w, r, "incident.html", view{Title: p.Message.Title, Section: "incidents", Data: p})
}

// began is when the first of the evidence was seen.
func caseBegan(inc *schema.Incident) time.Time {
	if inc.Seen.Since.IsZero() {
		return inc.Opened.UTC()
	}
	return inc.Seen.Since.UTC()
}

// Bounds of what is read for one page.
const (
	caseHistory    = 56 * 24 * time.Hour // what is normal is looked for in eight weeks
	caseDetail     = 14 * 24 * time.Hour // and where requests are counted one by one, in two
	caseRequests   = 2_000_000           // of them at most, as far as that is known beforehand
	caseAfter      = 24 * time.Hour      // shown after an incident was over
	caseAhead      = 6 * time.Minute     // event times may be that much ahead
	caseFindings   = 50                  // the newest
	minutesBefore  = time.Hour
	minutesAfter   = 4 * time.Hour
	panelPatience  = 3 * time.Second
	panelsAtOnce   = 6 // of the store's eight connections
	requestsAPage  = 50
	confirmHistory = time.Hour // what the caps count
)

// caseOf says what is to be read about an incident. Where a token makes millions of requests a day, what has to be
// counted one by one is counted over a shorter time, and the page says over which.
func caseOf(inc *schema.Incident, names []schema.TokenID, now time.Time) board.Case {
	c := board.Case{Incident: inc.ID, Tokens: names, Findings: inc.Findings[max(0, len(inc.Findings)-caseFindings):], Began: caseBegan(inc)}
	c.Until = now.UTC().Add(caseAhead).Truncate(time.Minute)
	if inc.State == schema.IncidentResolved {
		over := inc.Updated
		if inc.Resolved.After(over) {
			over = inc.Resolved
		}
		if over = over.UTC().Add(caseAfter).Truncate(time.Minute); over.Before(c.Until) {
			c.Until = over
		}
	}
	if !c.Until.After(c.Began) {
		c.Until = c.Began.Add(caseAhead)
	}
	c.From = c.Began.Add(-caseHistory).Truncate(time.Hour)
	c.DetailFrom = c.Began.Add(-caseWithin(caseDetail, inc.Normal.PerDay*caseDetail.Hours()/24))
	c.DetailUntil = c.Until
	if inc.Seen.Requests > caseRequests {
		c.DetailUntil = c.Began.Add(max(caseWithin(inc.Updated.Sub(c.Began), float64(inc.Seen.Requests)), time.Minute))
	}
	return c
}

// within shortens a time in which so many requests are made to one with as many as may be counted.
func caseWithin(d time.Duration, requests float64) time.Duration {
	if requests <= caseRequests {
		return d
	}
	return time.Duration(float64(d) * caseRequests / requests)
}
