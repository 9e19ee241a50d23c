package standin

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf16"
)

// Discord stands in for a webhook of Discord: posting, editing, files.
type Discord struct {
	server

	mu       sync.Mutex
	messages []*DiscordMessage
	seq      int
}

// DiscordMessage is a message as it stands in the channel.
type DiscordMessage struct {
	ID      string
	Content string
	Embeds  []DiscordEmbed
	Files   map[string][]byte
	Edits   int
	Pings   bool // whether it may notify anybody beyond the channel
	Thread  string
	At      time.Time
}

// DiscordEmbed is the part of an embed that is looked at here.
type DiscordEmbed struct {
	Title       string `json:"title"`
	URL         string `json:"url"`
	Description string `json:"description"`
	Color       int    `json:"color"`
	Footer      struct {
		Text string `json:"text"`
	} `json:"footer"`
	Fields []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"fields"`
}

// StartDiscord starts a stand-in for Discord.
func StartDiscord(opts Options) (*Discord, error) {
	d := &Discord{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/webhooks/{id}/{token}", d.about)
	mux.HandleFunc("POST /api/webhooks/{id}/{token}", d.post)
	mux.HandleFunc("PATCH /api/webhooks/{id}/{token}/messages/{message}", d.edit)
	return d, d.start(opts, mux, func(w http.ResponseWriter, f Fault) {
		if f.Status == http.StatusTooManyRequests {
			discordAnswer(w, f.Status, map[string]any{"message": "You are being rate limited.", "retry_after": f.RetryAfter.Seconds(), "global": false})
			return
		}
		w.WriteHeader(f.Status)
	})
}

// WebhookURL is a webhook of the stand-in.
func (d *Discord) WebhookURL() string {
	token := d.opts.Secret
	if token == "" {
		token = "token"
	}
	return d.URL() + "/api/webhooks/42/" + token
}

// Messages returns the messages in the order in which they were posted, as they stand.
func (d *Discord) Messages() []DiscordMessage {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]DiscordMessage, len(d.messages))
	for i, m := range d.messages {
		list[i] = *m
	}
	return list
}

func discordAnswer(w http.ResponseWriter, status int, answer map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

func (d *Discord) known(w http.ResponseWriter, r *http.Request) bool {
	if r.PathValue("id") == "42" && (d.opts.Secret == "" || r.PathValue("token") == d.opts.Secret) {
		return true
	}
	discordAnswer(w, http.StatusNotFound, map[string]any{"message": "Unknown Webhook", "code": 10015})
	return false
}

func (d *Discord) about(w http.ResponseWriter, r *http.Request) {
	if d.known(w, r) {
		discordAnswer(w, http.StatusOK, map[string]any{"id": "42", "type": 1, "name": "tokenwatch"})
	}
}

type discordBody struct {
	Content     *string         `json:"content"`
	Embeds      *[]DiscordEmbed `json:"embeds"`
	Attachments []struct {
		ID       int    `json:"id"`
		Filename string `json:"filename"`
	} `json:"attachments"`
	Mentions *struct {
		Parse []string `json:"parse"`
	} `json:"allowed_mentions"`
	files map[string][]byte
}

func (d *Discord) read(w http.ResponseWriter, r *http.Request) (*discordBody, bool) {
	b := &discordBody{files: map[string][]byte{}}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	err := fmt.Errorf("unsupported content type %q", kind)
	switch kind {
	case "application/json":
		err = json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(b)
	case "multipart/form-data":
		if err = r.ParseMultipartForm(12 << 20); err == nil {
			err = json.Unmarshal([]byte(r.FormValue("payload_json")), b)
		}
		for i, a := range b.Attachments {
			f, _, fileErr := r.FormFile(fmt.Sprintf("files[%d]", a.ID))
			if fileErr != nil {
				err = fmt.Errorf("attachments[%d]: no such file", i)
				break
			}
			b.files[a.Filename], _ = io.ReadAll(f)
		}
	}
	if err == nil {
		err = b.check()
	}
	if err != nil {
		discordAnswer(w, http.StatusBadRequest, map[string]any{"message": "Invalid Form Body", "code": 50035, "errors": err.Error()})
		return nil, false
	}
	return b, true
}

// check holds the limits of Discord's documentation.
func (b *discordBody) check() error {
	if b.Content != nil && length16(*b.Content) > 2000 {
		return fmt.Errorf("content: must be 2000 or fewer in length")
	}
	if b.Embeds == nil {
		return nil
	}
	total := 0
	if len(*b.Embeds) > 10 {
		return fmt.Errorf("embeds: must be 10 or fewer in length")
	}
	for _, e := range *b.Embeds {
		for name, part := range map[string]struct {
			text string
			most int
		}{"title": {e.Title, 256}, "description": {e.Description, 4096}, "footer.text": {e.Footer.Text, 2048}} {
			if n := length16(part.text); n > part.most {
				return fmt.Errorf("embeds.%s: must be %d or fewer in length", name, part.most)
			}
			total += length16(part.text)
		}
		if e.URL != "" && !strings.HasPrefix(e.URL, "http://") && !strings.HasPrefix(e.URL, "https://") {
			return fmt.Errorf("embeds.url: not a well formed URL")
		}
		for _, f := range e.Fields {
			if f.Name == "" || f.Value == "" || length16(f.Name) > 256 || length16(f.Value) > 1024 || len(e.Fields) > 25 {
				return fmt.Errorf("embeds.fields: too long or empty")
			}
			total += length16(f.Name) + length16(f.Value)
		}
	}
	if total > 6000 {
		return fmt.Errorf("embeds: embed size exceeds maximum size of 6000")
	}
	return nil
}

func length16(s string) int { return len(utf16.Encode([]rune(s))) }

func (d *Discord) post(w http.ResponseWriter, r *http.Request) {
	if !d.known(w, r) {
		return
	}
	b, ok := d.read(w, r)
	if !ok {
		return
	}
	m := &DiscordMessage{Files: map[string][]byte{}, Thread: r.URL.Query().Get("thread_id"), At: time.Now()}
	m.take(b)
	if m.Content == "" && len(m.Embeds) == 0 && len(m.Files) == 0 {
		discordAnswer(w, http.StatusBadRequest, map[string]any{"message": "Cannot send an empty message", "code": 50006})
		return
	}
	d.mu.Lock()
	d.seq++
	m.ID = fmt.Sprint(1_400_000_000_000_000_000 + d.seq)
	if d.messages = append(d.messages, m); len(d.messages) > kept {
		d.messages = d.messages[1:]
	}
	d.mu.Unlock()
	if r.URL.Query().Get("wait") != "true" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	discordAnswer(w, http.StatusOK, map[string]any{"id": m.ID, "channel_id": "7"})
}

// take puts in what a body names, and leaves the rest as it is.
func (m *DiscordMessage) take(b *discordBody) {
	if b.Content != nil {
		m.Content = *b.Content
	}
	if b.Embeds != nil {
		m.Embeds = *b.Embeds
	}
	for name, data := range b.files {
		m.Files[name] = data
	}
	m.Pings = m.Pings || b.Mentions == nil || len(b.Mentions.Parse) > 0
}

func (d *Discord) edit(w http.ResponseWriter, r *http.Request) {
	if !d.known(w, r) {
		return
	}
	b, ok := d.read(w, r)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.messages {
		if m.ID == r.PathValue("message") {
			m.take(b)
			m.Edits++
			discordAnswer(w, http.StatusOK, map[string]any{"id": m.ID})
			return
		}
	}
	discordAnswer(w, http.StatusNotFound, map[string]any{"message": "Unknown Message", "code": 10008})
}
