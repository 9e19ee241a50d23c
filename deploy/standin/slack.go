package standin

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Slack stands in for Slack's Web API: auth.test, chat.postMessage, chat.update,
// conversations.history and the three steps of uploading a file.
type Slack struct {
	server

	mu       sync.Mutex
	messages []*SlackMessage
	byTS     map[string]*SlackMessage
	uploads  map[string]*SlackFile
	seq      int
}

// SlackMessage is a message as it stands in a channel.
type SlackMessage struct {
	Channel  string // id
	Name     string // channel as the caller named it
	TS       string
	Text     string
	Blocks   json.RawMessage
	Edits    int
	Metadata json.RawMessage // what it carries besides what people see
	Buttons  []SlackButton
	Replies  []SlackMessage // its thread
	Shown    bool           // a reply that stands in the channel too
	Files    []SlackFile    // in its thread
	Pings    []string       // whom it would have notified beyond the channel: "@channel", …
	Rendered string         // what the channel shows, without style
	At       time.Time

	lines []line
}

// StartSlack starts a stand-in for Slack. Its API is below URL()+"/api/".
func StartSlack(opts Options) (*Slack, error) {
	s := &Slack{byTS: map[string]*SlackMessage{}, uploads: map[string]*SlackFile{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/auth.test", s.authTest)
	mux.HandleFunc("POST /api/chat.postMessage", s.post)
	mux.HandleFunc("POST /api/chat.update", s.update)
	mux.HandleFunc("POST /api/conversations.history", s.history)
	mux.HandleFunc("POST /api/files.getUploadURLExternal", s.uploadURL)
	mux.HandleFunc("POST /upload/{id}", s.upload)
	mux.HandleFunc("POST /api/files.completeUploadExternal", s.share)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) { slackError(w, "unknown_method") })
	return s, s.start(opts, mux, slackFault)
}

// APIURL is what a client takes for https://slack.com/api/.
func (s *Slack) APIURL() string { return s.URL() + "/api/" }

// Messages returns the messages in the order in which they were posted, as they stand.
func (s *Slack) Messages() []SlackMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]SlackMessage, len(s.messages))
	for i, m := range s.messages {
		list[i] = *m
		list[i].Replies, list[i].Files = slices.Clone(m.Replies), slices.Clone(m.Files)
	}
	return list
}

func slackFault(w http.ResponseWriter, f Fault) {
	if f.Status == http.StatusTooManyRequests && f.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(f.RetryAfter.Seconds())))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(`{"ok":false,"error":"ratelimited"}`))
		return
	}
	w.WriteHeader(f.Status)
}

// slackError answers as Slack does: with status 200 and the error inside.
func slackError(w http.ResponseWriter, code string, details ...string) {
	answer := map[string]any{"ok": false, "error": code}
	if len(details) > 0 {
		answer["response_metadata"] = map[string]any{"messages": details}
	}
	slackAnswer(w, answer)
}

func slackAnswer(w http.ResponseWriter, answer map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(answer)
}

// arguments reads a call's arguments, which Slack takes as a form or as JSON, with the
// token among them or in a header.
func arguments(r *http.Request) (map[string]string, error) {
	args := map[string]string{"token": strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/json" {
		var body map[string]json.RawMessage
		if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&body); err != nil {
			return nil, fmt.Errorf("invalid_json")
		}
		for name, raw := range body {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				text = string(raw)
			}
			args[name] = text
		}
		return args, nil
	}
	if err := r.ParseForm(); err != nil {
		return nil, fmt.Errorf("invalid_form_data")
	}
	for name := range r.PostForm {
		args[name] = r.PostForm.Get(name)
	}
	return args, nil
}

// authorized reads the arguments and refuses calls with the wrong token.
func (s *Slack) authorized(w http.ResponseWriter, r *http.Request) (map[string]string, bool) {
	args, err := arguments(r)
	switch {
	case err != nil:
		slackError(w, err.Error())
	case args["token"] == "":
		slackError(w, "not_authed")
	case s.opts.Secret != "" && args["token"] != s.opts.Secret:
		slackError(w, "invalid_auth")
	default:
		return args, true
	}
	return nil, false
}

func (s *Slack) authTest(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.authorized(w, r); ok {
		slackAnswer(w, map[string]any{
			"ok": true, "url": s.URL() + "/", "team": "stand-in", "user": "tokenwatch",
			"team_id": "T0STANDIN", "user_id": "U0STANDIN", "bot_id": "B0STANDIN",
		})
	}
}

func (s *Slack) post(w http.ResponseWriter, r *http.Request) {
	args, ok := s.authorized(w, r)
	if !ok {
		return
	}
	m, problem := slackMessage(args)
	if problem != nil {
		slackError(w, problem.code, problem.detail)
		return
	}
	suffix := ""
	if parent := args["thread_ts"]; parent == "" {
		s.file(m)
	} else if m.Shown = args["reply_broadcast"] == "true"; !s.reply(m, parent) {
		slackError(w, "thread_not_found")
		return
	} else {
		suffix = " · in the thread"
	}
	s.print(s.card(m, suffix, m.lines))
	slackAnswer(w, map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "message": map[string]any{"text": m.Text, "ts": m.TS}})
}

func (s *Slack) file(m *SlackMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	m.TS = fmt.Sprintf("%d.%06d", m.At.Unix(), s.seq)
	s.byTS[m.Channel+"/"+m.TS] = m
	if s.messages = append(s.messages, m); len(s.messages) > kept {
		delete(s.byTS, s.messages[0].Channel+"/"+s.messages[0].TS)
		s.messages = s.messages[1:]
	}
}

func (s *Slack) update(w http.ResponseWriter, r *http.Request) {
	args, ok := s.authorized(w, r)
	if !ok {
		return
	}
	m, problem := slackMessage(args)
	if problem != nil {
		slackError(w, problem.code, problem.detail)
		return
	}
	old, found := s.edit(args["channel"], args["ts"], m)
	if !found {
		slackError(w, "message_not_found")
		return
	}
	if fresh := changes(old.lines, m.lines); len(fresh) > 0 {
		s.print(s.card(m, " · edited, what is new:", fresh))
	}
	slackAnswer(w, map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "text": m.Text})
}

// edit replaces a message's content. Unlike posting, it takes the channel's id only.
func (s *Slack) edit(channel, ts string, m *SlackMessage) (old SlackMessage, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.byTS[channel+"/"+ts]
	if current == nil {
		return SlackMessage{}, false
	}
	old = *current
	m.TS, m.Name, m.At, m.Edits = old.TS, old.Name, old.At, old.Edits+1
	m.Metadata, m.Replies, m.Files = old.Metadata, old.Replies, old.Files
	*current = *m
	return old, true
}

func (s *Slack) card(m *SlackMessage, suffix string, lines []line) card {
	return card{from: "Slack · #" + strings.TrimPrefix(m.Name, "#") + suffix, at: time.Now(), lines: lines, icon: firstIcon(m.lines)}
}

func firstIcon(lines []line) string {
	icon, _, _ := strings.Cut(strings.TrimSpace(plain(lines)), " ")
	return icon
}

var channelID = regexp.MustCompile(`^[CGD][A-Z0-9]{6,}$`)

// idOf gives a channel the id that the caller used, or one made from its name.
func idOf(channel string) string {
	if channelID.MatchString(channel) {
		return channel
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.TrimPrefix(channel, "#")))
	return fmt.Sprintf("C%08X", h.Sum32())
}
