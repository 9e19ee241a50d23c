package console

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

const (
	mostHits    = 50
	longestName = 64 // that is searched for; what is longer may be a token
)

// searchView is the page of a search.
type searchView struct {
	figures
	Query string
	Hits  []board.TokenHit
	More  bool
}

// tokenSearch finds tokens by the beginning of a fingerprint, a part of a hint, or the beginning of an owner's name.
func (s *Server) tokenSearch(w http.ResponseWriter, r *http.Request) error {
	q := strings.TrimSpace(r.URL.Query().Get("q"))
	if len(q) > longestName || !utf8.ValidString(q) { // not repeated: it may be a token
		return refused("That is too long to be searched for.", "Search for the first digits of a fingerprint, for a part of the hint, or for the beginning of the owner's name. Never paste the token itself: `tokenwatch fingerprint` gives its fingerprint.")
	}
	v := &searchView{Query: q}
	if q != "" {
		var err error
		if v.Hits, err = s.parts.Store.BoardTokenSearch(r.Context(), q, mostHits+1); err != nil {
			return err
		}
	}
	if len(v.Hits) == 1 && strings.HasPrefix(v.Hits[0].ID.String(), strings.ToLower(q)) {
		http.Redirect(w, r, s.cfg.BasePath+"/tokens/"+v.Hits[0].ID.String(), http.StatusSeeOther)
		return nil
	}
	if v.More = len(v.Hits) > mostHits; v.More {
		v.Hits = v.Hits[:mostHits]
	}
	return s.show(w, r, "tokens.html", view{Title: "Find a token", Section: "fleet", Data: v})
}
