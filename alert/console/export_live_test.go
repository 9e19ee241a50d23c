package console

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

// LiveStore is what a live stream asks, for tests that stand in for the store.
type LiveStore = liveStore

// Bounds that tests hold the stream to.
const (
	MostLive    = mostLive
	MostChanges = mostChanges
)

// NewLive is the live stream alone, at another pace.
func NewLive(store LiveStore, door *signin.Door, log *slog.Logger, ask, check, beat, write time.Duration) http.Handler {
	return newLive(store, door, log, tempo{ask: ask, check: check, beat: beat, write: write})
}
