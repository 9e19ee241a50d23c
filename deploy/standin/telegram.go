package standin

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Telegram stands in for Telegram's Bot API: getMe, sendMessage, editMessageText and
// sendPhoto.
type Telegram struct {
	server

	mu       sync.Mutex
	messages []*TelegramMessage
	photos   []TelegramMessage
	byID     map[string]*TelegramMessage
	seq      int
}

// TelegramMessage is a message as it stands in a chat.
type TelegramMessage struct {
	Chat     string // as the caller named it
	ID       int
	Text     string
	Entities []Entity
	Edits    int
	ReplyTo  int              // the message it is a reply to, 0 for none
	Silent   bool             // notifies nobody
	Photo    []byte           // a picture, with the text as its caption
	Buttons  []TelegramButton // below it
	Rendered string           // what the chat shows, without style
	At       time.Time

	lines []line
}

// StartTelegram starts a stand-in for Telegram. URL() is what a client takes for
// https://api.telegram.org.
func StartTelegram(opts Options) (*Telegram, error) {
	t := &Telegram{byID: map[string]*TelegramMessage{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/{bot}/{method}", t.call)
	return t, t.start(opts, mux, telegramFault)
}

// Messages returns the messages in the order in which they were sent, as they stand.
func (t *Telegram) Messages() []TelegramMessage {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]TelegramMessage, len(t.messages))
	for i, m := range t.messages {
		list[i] = *m
	}
	return list
}

func telegramFault(w http.ResponseWriter, f Fault) {
	if f.Status == http.StatusTooManyRequests && f.RetryAfter > 0 {
		seconds := int(f.RetryAfter.Seconds())
		telegramAnswer(w, f.Status, map[string]any{
			"ok": false, "error_code": f.Status, "description": fmt.Sprintf("Too Many Requests: retry after %d", seconds),
			"parameters": map[string]any{"retry_after": seconds},
		})
		return
	}
	w.WriteHeader(f.Status)
	_, _ = fmt.Fprintf(w, "<html><body>%d</body></html>", f.Status)
}

func telegramAnswer(w http.ResponseWriter, status int, answer map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

func telegramError(w http.ResponseWriter, status int, description string) {
	telegramAnswer(w, status, map[string]any{"ok": false, "error_code": status, "description": description})
}

func telegramResult(w http.ResponseWriter, result any) {
	telegramAnswer(w, http.StatusOK, map[string]any{"ok": true, "result": result})
}

func (t *Telegram) call(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.PathValue("bot"), "bot")
	switch {
	case !ok || !strings.Contains(token, ":"):
		telegramError(w, http.StatusNotFound, "Not Found")
		return
	case t.opts.Secret != "" && token != t.opts.Secret:
		telegramError(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	args, err := parameters(r)
	if err != nil {
		telegramError(w, http.StatusBadRequest, "Bad Request: "+err.Error())
		return
	}
	switch r.PathValue("method") {
	case "getMe":
		telegramResult(w, map[string]any{"id": 1, "is_bot": true, "first_name": "tokenwatch", "username": "tokenwatch_bot"})
	case "sendMessage":
		t.send(w, args)
	case "editMessageText":
		t.edit(w, args)
	case "sendPhoto":
		t.photo(w, r, args)
	default:
		telegramError(w, http.StatusNotFound, "Not Found: method not found")
	}
}

// parameters reads a call's parameters, which Telegram takes from the query, as a form of
// either kind, or as JSON.
func parameters(r *http.Request) (map[string]string, error) {
	args := map[string]string{}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/json" {
		var body map[string]json.RawMessage
		if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&body); err != nil {
			return nil, fmt.Errorf("can't parse JSON: %w", err)
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
	if kind == "multipart/form-data" {
		// A form without any field is not a valid one, yet clients send it with getMe.
		_ = r.ParseMultipartForm(12 << 20)
	}
	if err := r.ParseForm(); err != nil {
		return nil, fmt.Errorf("can't parse the form: %w", err)
	}
	for name := range r.Form {
		args[name] = r.Form.Get(name)
	}
	return args, nil
}

// compose checks what Telegram checks about a text, and lays it out.
func compose(args map[string]string) (*TelegramMessage, error) {
	m := &TelegramMessage{Chat: args["chat_id"], Text: args["text"], At: time.Now()}
	if m.Chat == "" {
		return nil, fmt.Errorf("chat_id is empty")
	}
	if strings.TrimSpace(m.Text) == "" {
		return nil, fmt.Errorf("message text is empty")
	}
	if raw := args["entities"]; raw != "" {
		if err := json.Unmarshal([]byte(raw), &m.Entities); err != nil {
			return nil, fmt.Errorf("can't parse entities: %w", err)
		}
	}
	if err := m.attach(args); err != nil {
		return nil, err
	}
	lines, err := show(m.Text, m.Entities)
	m.lines, m.Rendered = lines, plain(lines)
	return m, err
}

func (t *Telegram) send(w http.ResponseWriter, args map[string]string) {
	m, err := compose(args)
	if err != nil {
		telegramError(w, http.StatusBadRequest, "Bad Request: "+err.Error())
		return
	}
	t.file(m)
	t.print(t.card(m, "", m.lines))
	telegramResult(w, m.result())
}

func (t *Telegram) file(m *TelegramMessage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	m.ID = t.seq
	t.byID[key(chatNumber(m.Chat), m.ID)] = m
	if t.messages = append(t.messages, m); len(t.messages) > kept {
		delete(t.byID, key(chatNumber(t.messages[0].Chat), t.messages[0].ID))
		t.messages = t.messages[1:]
	}
}

func (t *Telegram) edit(w http.ResponseWriter, args map[string]string) {
	m, err := compose(args)
	if err == nil {
		err = t.replace(m, args["message_id"])
	}
	if err != nil {
		telegramError(w, http.StatusBadRequest, "Bad Request: "+err.Error())
		return
	}
	telegramResult(w, m.result())
}

func (t *Telegram) replace(m *TelegramMessage, messageID string) error {
	id, _ := strconv.Atoi(messageID)
	t.mu.Lock()
	current := t.byID[key(chatNumber(m.Chat), id)]
	if current == nil {
		t.mu.Unlock()
		return fmt.Errorf("message to edit not found")
	}
	old := *current
	if old.Text == m.Text && fmt.Sprint(old.Entities) == fmt.Sprint(m.Entities) && fmt.Sprint(old.Buttons) == fmt.Sprint(m.Buttons) {
		t.mu.Unlock()
		return fmt.Errorf("message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
	}
	m.ID, m.Chat, m.At, m.Edits = id, old.Chat, old.At, old.Edits+1
	*current = *m
	t.mu.Unlock()
	if fresh := changes(old.lines, m.lines); len(fresh) > 0 {
		t.print(t.card(m, " · edited, what is new:", fresh))
	}
	return nil
}

func (t *Telegram) card(m *TelegramMessage, suffix string, lines []line) card {
	return card{from: "Telegram · chat " + m.Chat + suffix, at: time.Now(), lines: lines, icon: firstIcon(m.lines)}
}

func (m *TelegramMessage) result() map[string]any {
	return map[string]any{
		"message_id": m.ID, "date": m.At.Unix(), "text": m.Text,
		"chat": map[string]any{"id": chatNumber(m.Chat), "type": "group"},
	}
}

func key(chat int64, id int) string { return fmt.Sprintf("%d/%d", chat, id) }

// chatNumber is the chat's id; a @name has one too, which callers do not know.
func chatNumber(chat string) int64 {
	if n, err := strconv.ParseInt(chat, 10, 64); err == nil {
		return n
	}
	return -1_000_000_000_000 - int64(len(chat))
}
