package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// tokenStore is what these pages ask the store.
type tokenStore interface {
	// BoardToken says who a token is, and whether anything is stored of it.
	BoardToken(ctx context.Context, id schema.TokenID) (t board.Token, found bool, err error)
	BoardTokenDays(ctx context.Context, t board.Token, days int) ([]board.TokenDay, error)
	BoardTokenWeek(ctx context.Context, t board.Token) (board.TokenWeek, error)
	BoardTokenHabits(ctx context.Context, t board.Token) (board.TokenHabits, error)
	BoardTokenPast(ctx context.Context, t board.Token) (board.TokenPast, error)
	// BoardTokenAllowances are the entries that name the token, and all that name labels.
	BoardTokenAllowances(ctx context.Context, t board.Token) ([]board.TokenAllowance, error)
	BoardTokenSearch(ctx context.Context, q string, limit int) ([]board.TokenHit, error)
	// Silences are those that have not expired.
	Silences(ctx context.Context) ([]schema.Silence, error)
}

// Explainer puts a token's stored profile into words. A nil one cannot.
type Explainer interface {
	// Explain describes what detection has learnt of a token, in each partition that has: the newest first.
	Explain(ctx context.Context, t board.Token) ([]board.TokenPortrait, error)
	// Allowed are the entries of the configuration's allow-list that name tokens and labels.
	Allowed() []board.TokenAllowance
}

func (s *Server) tokenRoutes() {
	s.route("GET /tokens", signin.Viewer, s.tokenSearch)
	s.route("GET /tokens/{fingerprint}", signin.Viewer, s.tokenPage)
}

const (
	tokenDays     = 30 // of the chart
	fingerprintOf = 2 * len(schema.TokenID{})
)

// tokenView is the page of a token.
type tokenView struct {
	figures
	Token      board.Token
	Portrait   *board.TokenPortrait // nil: none is stored, or nobody can read it
	Others     []board.TokenPortrait
	Habits     []tokenHabits
	ByRequests bool // shares are of requests rather than of days
	Days       dayChart
	Hours      hourChart
	Past       board.TokenPast
	Allowed    []board.TokenAllowance
	Silences   []schema.Silence
	Questions  []tokenQuestion
}

// tokenHabits is one kind of habit.
type tokenHabits struct {
	Kind string
	List []board.TokenHabit
}

func (s *Server) tokenPage(w http.ResponseWriter, r *http.Request) error {
	text := strings.ToLower(r.PathValue("fingerprint"))
	id, err := schema.ParseTokenID(text)
	switch {
	case err != nil && isHex(text) && len(text) < fingerprintOf:
		http.Redirect(w, r, s.cfg.BasePath+"/tokens?q="+text, http.StatusSeeOther)
		return nil
	case err != nil || id.IsZero(): // not repeated: it may be a token
		return refused("That is no fingerprint of a token.", "A fingerprint has 32 hexadecimal digits; `tokenwatch fingerprint` prints that of a token. Never put the token itself into an address.")
	}
	token, found, err := s.parts.Store.BoardToken(r.Context(), id)
	if err != nil {
		return err
	}
	if !found {
		return absent("No token is known by the fingerprint "+text+".", "It may have been forgotten (clickhouse.retention), or never seen. Search by the first digits, the hint or the owner at "+s.cfg.BasePath+"/tokens.")
	}
	v := &tokenView{Token: token, Questions: tokenQuestions(token)}
	if err := s.readToken(r.Context(), v); err != nil {
		return err
	}
	return s.show(w, r, "token.html", view{Title: "Token " + clip(tokenName(token), 60), Section: "fleet", Data: v})
}

// readToken asks all that the page shows at once.
func (s *Server) readToken(ctx context.Context, v *tokenView) error {
	var (
		days      []board.TokenDay
		week      board.TokenWeek
		habits    board.TokenHabits
		portraits []board.TokenPortrait
		allowed   []board.TokenAllowance
		silences  []schema.Silence
	)
	store := s.parts.Store
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { days, err = store.BoardTokenDays(ctx, v.Token, tokenDays); return err })
	group.Go(func() (err error) { week, err = store.BoardTokenWeek(ctx, v.Token); return err })
	group.Go(func() (err error) { v.Past, err = store.BoardTokenPast(ctx, v.Token); return err })
	group.Go(func() (err error) { allowed, err = store.BoardTokenAllowances(ctx, v.Token); return err })
	group.Go(func() (err error) { silences, err = store.Silences(ctx); return err })
	group.Go(func() (err error) {
		if s.parts.Explain != nil {
			portraits, err = s.parts.Explain.Explain(ctx, v.Token)
		}
		if err == nil && (len(portraits) == 0 || portraits[0].Gone != "") { // else the profile tells of habits
			habits, err = store.BoardTokenHabits(ctx, v.Token)
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if s.parts.Explain != nil {
		allowed = append(allowed, s.parts.Explain.Allowed()...)
	}
	v.Days, v.Hours = chartDays(days), chartHours(week)
	v.Allowed, v.Silences = allowedFor(v.Token, allowed, time.Now()), silencesFor(v.Token, v.Past.Incidents, silences)
	v.portray(portraits, habits)
	return nil
}

// portray shows the newest profile, and what was counted where there is none.
func (v *tokenView) portray(portraits []board.TokenPortrait, counted board.TokenHabits) {
	v.ByRequests = true
	if len(portraits) > 0 {
		v.Portrait, v.Others = &portraits[0], portraits[1:]
		if p := &portraits[0]; p.Gone == "" {
			counted, v.ByRequests = p.TokenHabits, false
		}
	}
	v.Habits = []tokenHabits{{"Places", counted.Places}, {"Networks", counted.Networks}, {"Clients", counted.Clients}, {"Countries", counted.Countries}}
}

// tokenName is what people call a token.
func tokenName(t board.Token) string {
	if t.Hint != "" {
		return t.Hint
	}
	return t.ID.String()[:8]
}

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == "" }
