package standin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// SlackFile is a file in a thread.
type SlackFile struct {
	ID, Name, Title string
	Data            []byte

	length int
}

// SlackButton is a button below a message.
type SlackButton struct {
	Action, Value, Text string
}

// Limits of the actions block and its buttons, from the Block Kit reference.
const (
	maxButtons = 25
	maxAction  = 255
	maxValue   = 2000
	maxCaption = 75
)

// actions lays a row of buttons out.
func (l *layout) actions(b block) *problem {
	if len(b.Elements) == 0 || len(b.Elements) > maxButtons {
		return invalid("an actions block needs 1 to %d elements", maxButtons)
	}
	var row []string
	seen := map[string]bool{}
	for _, raw := range b.Elements {
		var e struct {
			Type     string     `json:"type"`
			ActionID string     `json:"action_id"`
			Value    string     `json:"value"`
			Style    string     `json:"style"`
			Text     textObject `json:"text"`
		}
		if err := json.Unmarshal(raw, &e); err != nil || e.Type != "button" {
			return invalid("unsupported element of an actions block")
		}
		if e.Text.Type != "plain_text" || len(e.ActionID) > maxAction || len(e.Value) > maxValue || seen[e.ActionID] {
			return invalid("button %q: text, action_id or value", e.ActionID)
		}
		if e.Style != "" && e.Style != "primary" && e.Style != "danger" {
			return invalid("button %q: style %q", e.ActionID, e.Style)
		}
		if p := l.measure(e.Text.Text, maxCaption); p != nil {
			return p
		}
		seen[e.ActionID] = true
		l.buttons = append(l.buttons, SlackButton{Action: e.ActionID, Value: e.Value, Text: e.Text.Text})
		row = append(row, "[ "+unescape(e.Text.Text)+" ]")
	}
	l.add(span{strings.Join(row, "  "), bold})
	l.gap()
	return nil
}

// reply files a message in the thread of another.
func (s *Slack) reply(m *SlackMessage, parent string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	top := s.byTS[m.Channel+"/"+parent]
	if top == nil {
		return false
	}
	s.seq++
	m.TS = fmt.Sprintf("%d.%06d", m.At.Unix(), s.seq)
	top.Replies = append(top.Replies, *m)
	return true
}

// history lists the channel's messages, the newest first.
func (s *Slack) history(w http.ResponseWriter, r *http.Request) {
	args, ok := s.authorized(w, r)
	if !ok {
		return
	}
	limit, _ := strconv.Atoi(args["limit"])
	if limit <= 0 || limit > 999 {
		limit = 100
	}
	skip, _ := strconv.Atoi(args["cursor"])
	var all []map[string]any
	for _, m := range s.Messages() {
		if m.Channel != args["channel"] {
			continue
		}
		entry := map[string]any{"type": "message", "ts": m.TS, "text": m.Text}
		if args["include_all_metadata"] != "" && len(m.Metadata) > 0 {
			entry["metadata"] = m.Metadata
		}
		all = append([]map[string]any{entry}, all...)
	}
	page, next := all[min(skip, len(all)):], ""
	if len(page) > limit {
		page, next = page[:limit], strconv.Itoa(skip+limit)
	}
	slackAnswer(w, map[string]any{
		"ok": true, "messages": page, "has_more": next != "", "response_metadata": map[string]any{"next_cursor": next},
	})
}

// uploadURL answers where a file is to be sent.
func (s *Slack) uploadURL(w http.ResponseWriter, r *http.Request) {
	args, ok := s.authorized(w, r)
	if !ok {
		return
	}
	length, err := strconv.Atoi(args["length"])
	if err != nil || length <= 0 || args["filename"] == "" {
		slackError(w, "invalid_arguments")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	f := &SlackFile{ID: fmt.Sprintf("F%08d", s.seq), Name: args["filename"], length: length}
	if len(s.uploads) >= 1000 { // begun and never ended
		clear(s.uploads)
	}
	s.uploads[f.ID] = f
	slackAnswer(w, map[string]any{"ok": true, "upload_url": s.URL() + "/upload/" + f.ID, "file_id": f.ID})
}

// upload takes the file itself, as it is or as a form.
func (s *Slack) upload(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(http.MaxBytesReader(w, r.Body, 10<<20))
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		form, _, err := r.FormFile("file")
		if err != nil {
			http.Error(w, "no file", http.StatusBadRequest)
			return
		}
		body = form
	}
	data, err := io.ReadAll(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.uploads[r.PathValue("id")]
	if err != nil || f == nil || len(data) != f.length || r.Header.Get("Authorization") != "" {
		http.Error(w, "unknown, cut short, or with a token that does not belong here", http.StatusBadRequest)
		return
	}
	f.Data = data
	fmt.Fprintf(w, "OK - %d", len(data))
}

// share puts uploaded files into a thread.
func (s *Slack) share(w http.ResponseWriter, r *http.Request) {
	args, ok := s.authorized(w, r)
	if !ok {
		return
	}
	var files []struct{ ID, Title string }
	if err := json.Unmarshal([]byte(args["files"]), &files); err != nil || len(files) == 0 {
		slackError(w, "invalid_arguments")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	top := s.byTS[args["channel_id"]+"/"+args["thread_ts"]]
	for _, file := range files {
		f := s.uploads[file.ID]
		if f == nil || f.Data == nil {
			slackError(w, "file_not_found")
			return
		}
		delete(s.uploads, file.ID)
		if f.Title = file.Title; top != nil {
			top.Files = append(top.Files, *f)
		}
	}
	slackAnswer(w, map[string]any{"ok": true, "files": files})
}
