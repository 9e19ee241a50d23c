package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// Inbound takes in what people press below messages, over Slack's Socket Mode or over HTTP.
//
//	websocket (app_token) ──┐
//	                        ├─ who is it? ─► alert.Taker ─ kept ─► acknowledged
//	POST, signed ───────────┘      └ a stranger: told so, and nothing else
//
// A press is acknowledged once it is kept. Slack shows those who pressed a warning if that
// takes longer than three seconds, and they press again.
type Inbound struct {
	cfg   Config
	http  *http.Client
	taker alert.Taker
	slog  *slog.Logger
}

// NewInbound makes what takes presses in. It connects to nobody before Run is called.
func NewInbound(cfg Config, taker alert.Taker, log *slog.Logger) *Inbound {
	return &Inbound{cfg: cfg, taker: taker, slog: log, http: guard.Client(guard.Vendor(cfg.APIURL, "slack.com", cfg.Timeout))}
}

const (
	maxInteraction = 1 << 20                 // bytes of a request; Slack's carry the message and are some 20 KiB
	answerWithin   = 2500 * time.Millisecond // Slack waits three seconds
)

// interaction is what of Slack's block_actions matters here.
type interaction struct {
	Type string `json:"type"`
	User struct {
		ID       string `json:"id"`
		Username string `json:"username"`
		Name     string `json:"name"`
	} `json:"user"`
	Actions []struct {
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
		ActionTs string `json:"action_ts"`
	} `json:"actions"`
	ResponseURL string `json:"response_url"`
}

// ServeHTTP takes in a press that Slack sends to the app's request URL. The signature is
// checked before anything is read of it; one that is older than five minutes is refused, and
// one that comes again changes nothing, since it has the same id.
func (in *Inbound) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if in.cfg.SigningSecret == "" {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		http.Error(w, "want a POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxInteraction))
	if err != nil {
		http.Error(w, "too large, or broken off", http.StatusRequestEntityTooLarge)
		return
	}
	if err := in.verify(r.Header, body); err != nil {
		http.Error(w, "not signed by Slack", http.StatusUnauthorized)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, "want a form", http.StatusBadRequest)
		return
	}
	if err := in.take(r.Context(), []byte(form.Get("payload"))); errors.Is(err, errNotPress) {
		http.Error(w, err.Error(), http.StatusBadRequest)
	} else if err != nil {
		http.Error(w, "it could not be kept; press again", http.StatusServiceUnavailable)
	}
}

func (in *Inbound) verify(h http.Header, body []byte) error {
	verifier, err := slack.NewSecretsVerifier(h, in.cfg.SigningSecret.Reveal())
	if err != nil {
		return err
	}
	if _, err := verifier.Write(body); err != nil {
		return err
	}
	return verifier.Ensure()
}

var errNotPress = errors.New("not a payload of Slack's")

// take keeps what was pressed. An error says that it was not kept, and that pressing again
// may help; whoever may not press, or presses what makes no sense, is told so.
func (in *Inbound) take(ctx context.Context, payload []byte) error {
	var said interaction
	if err := json.Unmarshal(payload, &said); err != nil {
		return errNotPress
	}
	if said.Type != "block_actions" {
		return nil // a shortcut, a dialogue: not ours
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	for _, action := range said.Actions {
		button, ours := alert.ButtonOf(action.ActionID)
		if !ours {
			continue
		}
		if !slices.Contains(in.cfg.AllowedUsers, said.User.ID) {
			in.slog.Warn("somebody who may not has pressed a button in Slack", "user", said.User.ID, "button", action.ActionID)
			in.whisper(ctx, said.ResponseURL, "You are not among those who may answer for incidents (slack.allowed_users).")
			return nil
		}
		err := in.keep(ctx, button, said, action.Value, action.ActionTs)
		if errors.Is(err, alert.ErrRefused) {
			in.whisper(ctx, said.ResponseURL, err.Error())
			continue
		}
		if err != nil {
			in.slog.Error("a press in Slack could not be kept", "user", said.User.ID, "button", action.ActionID, "error", err)
			in.whisper(context.WithoutCancel(ctx), said.ResponseURL, "This could not be kept; press again in a moment.")
			return err
		}
	}
	return nil
}

func (in *Inbound) keep(ctx context.Context, b alert.Button, said interaction, incident, at string) error {
	who := "slack:" + said.User.ID
	if name := said.User.Username + said.User.Name; name != "" {
		who += " (" + firstOf(said.User.Username, said.User.Name) + ")"
	}
	_, err := in.taker.Take(ctx, alert.Press{
		ID:       strings.Join([]string{"slack", at, said.User.ID, incident, string(b.Kind)}, ":"),
		Incident: incident, Kind: b.Kind, By: who, At: pressed(at),
	})
	return err
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// pressed reads Slack's time of a press, "1548426417.840180"; now where it makes no sense, since a verdict counts from
// then on.
func pressed(at string) time.Time {
	now := time.Now()
	seconds, err := strconv.ParseFloat(at, 64)
	if err != nil || seconds <= 0 || seconds > 1e11 {
		return now
	}
	then := time.UnixMilli(int64(seconds * 1000))
	if then.After(now) || now.Sub(then) > time.Hour {
		return now
	}
	return then
}

// whisper tells the one who pressed, and nobody else.
func (in *Inbound) whisper(ctx context.Context, to, text string) {
	if to == "" {
		return
	}
	body, err := json.Marshal(map[string]any{"response_type": "ephemeral", "replace_original": false, "text": escape(text, maxSummary)})
	if err != nil {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := in.http.Do(req)
	if err != nil {
		in.slog.Warn("somebody in Slack could not be told why a press was not taken", "error", scrubURL(err))
		return
	}
	_ = resp.Body.Close()
}

// scrubURL takes the URL out of an error: a response_url lets anybody post.
func scrubURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return fmt.Errorf("calling response_url: %w", wrapped.Err)
	}
	return err
}
