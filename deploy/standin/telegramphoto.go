package standin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode/utf16"
)

// TelegramButton is a button below a message.
type TelegramButton struct {
	Text string `json:"text"`
	Data string `json:"callback_data"`
	URL  string `json:"url"`
}

const (
	maxCaptionUnits = 1024
	maxCallbackData = 64
)

// attach reads what a message has besides its text.
func (m *TelegramMessage) attach(args map[string]string) error {
	m.Silent = args["disable_notification"] == "true"
	if raw := args["reply_parameters"]; raw != "" {
		var reply struct {
			MessageID int `json:"message_id"`
		}
		if err := json.Unmarshal([]byte(raw), &reply); err != nil {
			return fmt.Errorf("can't parse reply parameters JSON object")
		}
		m.ReplyTo = reply.MessageID
	}
	raw := args["reply_markup"]
	if raw == "" {
		return nil
	}
	var markup struct {
		InlineKeyboard [][]TelegramButton `json:"inline_keyboard"`
	}
	if err := json.Unmarshal([]byte(raw), &markup); err != nil {
		return fmt.Errorf("can't parse inline keyboard button")
	}
	for _, row := range markup.InlineKeyboard {
		for _, b := range row {
			if b.Text == "" || len(b.Data) > maxCallbackData || (b.Data == "") == (b.URL == "") {
				return fmt.Errorf("BUTTON_DATA_INVALID")
			}
			m.Buttons = append(m.Buttons, b)
		}
	}
	return nil
}

// photo takes a picture with a caption.
func (t *Telegram) photo(w http.ResponseWriter, r *http.Request, args map[string]string) {
	m := &TelegramMessage{Chat: args["chat_id"], Text: args["caption"], At: time.Now()}
	if r.MultipartForm != nil {
		for _, headers := range r.MultipartForm.File {
			file, err := headers[0].Open()
			if err != nil {
				continue
			}
			m.Photo, _ = io.ReadAll(io.LimitReader(file, 11<<20))
			_ = file.Close()
		}
	}
	err := m.attach(args)
	switch {
	case err != nil:
	case m.Chat == "":
		err = fmt.Errorf("chat_id is empty")
	case len(m.Photo) == 0:
		err = fmt.Errorf("there is no photo in the request")
	case len(m.Photo) > 10<<20:
		err = fmt.Errorf("file is too big")
	case len(utf16.Encode([]rune(m.Text))) > maxCaptionUnits:
		err = fmt.Errorf("message caption is too long")
	}
	if err != nil {
		telegramError(w, http.StatusBadRequest, "Bad Request: "+err.Error())
		return
	}
	m.Rendered = m.Text
	t.filePhoto(m)
	telegramResult(w, m.result())
}

func (t *Telegram) filePhoto(m *TelegramMessage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	m.ID = t.seq
	if t.photos = append(t.photos, *m); len(t.photos) > keptPhotos {
		t.photos = t.photos[1:]
	}
}

const keptPhotos = 1000

// Photos returns the pictures in the order in which they were sent.
func (t *Telegram) Photos() []TelegramMessage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]TelegramMessage(nil), t.photos...)
}
