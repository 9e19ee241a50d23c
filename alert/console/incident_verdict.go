package console

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
)

// RevokingDesk is a Desk that can say beforehand what an order about a token leads to.
type RevokingDesk struct {
	Desk
	alert.RevokeConfig
}

// foreteller is a Desk that is a RevokingDesk.
type foreteller interface {
	Foresee(inc *schema.Incident, kind schema.VerdictKind, steps []schema.RevocationStep, now time.Time) alert.Outlook
}

// verdict takes in what somebody pressed.
func (c *cases) verdict(w http.ResponseWriter, r *http.Request) error {
	inc, err := c.incident(r)
	if err != nil {
		return err
	}
	kind, word := schema.VerdictKind(r.PostFormValue("kind")), r.PostFormValue("press")
	if !kind.Valid() || !pressWords.MatchString(word) {
		return refused("That is no answer that tokenwatch knows.", "Go back, reload the page, and press again.")
	}
	page := "/incidents/" + inc.ID
	if casePerilous(kind) && r.PostFormValue("confirmed") != "yes" {
		http.Redirect(w, r, c.cfg.BasePath+page+"/confirm?kind="+string(kind), http.StatusSeeOther)
		return nil
	}
	person := sessionOf(r).Person
	id := pressBy(r) + ":" + word + ":" + string(kind)
	once := c.presses.of(id, time.Now())
	defer once.mu.Unlock()
	if once.said == "" {
		if once.said, err = c.take(r, &inc, kind, id, person, once.at); err != nil {
			return err
		}
	}
	return c.back(w, r, page, once.said)
}

// take has a press become a verdict, unless it did before this process began, or makes no sense any more.
func (c *cases) take(r *http.Request, inc *schema.Incident, kind schema.VerdictKind, id string, person signin.Person, at time.Time) (string, error) {
	casePress := alert.Press{ID: id, Incident: inc.ID, Kind: kind, By: pressBy(r), Note: strings.TrimSpace(r.PostFormValue("note")), At: at}
	if err := caseLasting(&casePress, r); err != nil {
		return "", err
	}
	given, err := c.parts.Store.CaseVerdicts(r.Context(), caseOf(inc, []schema.TokenID{inc.Token}, at))
	if err != nil {
		return "", err
	}
	for _, v := range given.Rows {
		if v.ID == id {
			return "That was taken in before: " + alert.VerdictWord(v.Kind) + ".", nil
		}
	}
	if !caseActsOf(inc, person, at).offers(kind) {
		return "Nothing was changed: as the incident stands now, “" + alert.VerdictWord(kind) + "” makes no sense any more.", nil
	}
	if err := c.note(r, "verdict."+string(kind), inc.ID, casePress.Note); err != nil {
		return "", err
	}
	said, err := c.parts.Desk.Take(r.Context(), casePress)
	switch {
	case errors.Is(err, alert.ErrRefused):
		return "", refused(upperFirst(strings.TrimPrefix(err.Error(), alert.ErrRefused.Error()+": ")), "Go back, reload the page, and press again if it still makes sense.")
	case err != nil:
		c.parts.Log.Error("console: a press could not be kept", "incident", inc.ID, "by", casePress.By, "error", err)
		return "", Fault{http.StatusServiceUnavailable, "This could not be kept: nothing was changed.", "Go back and press again in a moment; pressing twice does no harm. The log of tokenwatch says why."}
	}
	return said, nil
}

// lasting reads how long a snooze or an allowance is to last.
func caseLasting(p *alert.Press, r *http.Request) error {
	switch {
	case p.Kind == schema.VerdictSnooze:
		hours, err := strconv.Atoi(r.PostFormValue("hours"))
		if err != nil || !caseChosen(caseActs{}.Snoozes(), hours) {
			return refused("That is no time to snooze for.", "Go back and choose one from the list.")
		}
		p.Until = p.At.Add(time.Duration(hours) * time.Hour)
	case p.Kind == schema.VerdictOwner && r.PostFormValue("allow") != "":
		days, err := strconv.Atoi(r.PostFormValue("days"))
		if err != nil || !caseChosen(caseActs{}.Allowances(), days) {
			return refused("That is no time to allow it for.", "Go back and choose one from the list.")
		}
		p.Allow, p.Until = true, p.At.AddDate(0, 0, days)
	}
	return nil
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// confirmPage says what an order will lead to.
type confirmPage struct {
	caseWords
	Inc     *schema.Incident
	Message alert.Message
	Kind    schema.VerdictKind
	Press   string
	Heading string
	Button  string
	Lines   []string
	Now     time.Time
}

var confirmHeadings = map[schema.VerdictKind][2]string{
	schema.VerdictTheft:   {"Confirm theft?", "Yes, it is theft"},
	schema.VerdictRevoke:  {"Take the token out of use?", "Yes, revoke it"},
	schema.VerdictRestore: {"Put the token in use again?", "Yes, restore it"},
}

// confirm asks again, and says what exactly will happen.
func (c *cases) confirm(w http.ResponseWriter, r *http.Request) error {
	kind := schema.VerdictKind(r.URL.Query().Get("kind"))
	if !casePerilous(kind) {
		return refused("There is nothing to confirm.", "Go back to the incident and choose again.")
	}
	inc, err := c.incident(r)
	if err != nil {
		return err
	}
	now := time.Now()
	if !caseActsOf(&inc, sessionOf(r).Person, now).offers(kind) {
		return c.back(w, r, "/incidents/"+inc.ID, "As the incident stands now, “"+alert.VerdictWord(kind)+"” makes no sense any more.")
	}
	p := &confirmPage{Inc: &inc, Message: alert.Compose(inc, func(schema.Delivery) string { return "" }), Kind: kind, Press: newPressWord(), Now: now}
	p.Heading, p.Button = confirmHeadings[kind][0], confirmHeadings[kind][1]
	p.Lines = c.consequences(r, &inc, kind, now)
	return c.show(w, r, "incident_confirm.html", view{Title: p.Heading, Section: "incidents", Data: p})
}

func (c *cases) consequences(r *http.Request, inc *schema.Incident, kind schema.VerdictKind, now time.Time) []string {
	var lines []string
	if kind == schema.VerdictTheft {
		lines = append(lines, "The incident becomes critical and acknowledged, and everybody who was told of it is told of that.",
			"What was seen since the first evidence is never learnt as normal for this token.")
	}
	desk, knows := c.parts.Desk.(foreteller)
	if !knows {
		return append(lines, "What becomes of the token is decided by revoke.mode and revoke.rules of the tokenwatch that runs.")
	}
	steps, err := c.parts.Store.Revocations(r.Context(), now.Add(-confirmHistory), "")
	if err != nil {
		c.parts.Log.Warn("console: the caps of revocations could not be read", "error", err)
		lines = append(lines, "How many tokens were taken out of use within the hour could not be read; beyond revoke.max_per_hour and revoke.max_per_owner nobody is.")
	}
	return append(lines, desk.Foresee(inc, kind, steps, now).Lines...)
}
