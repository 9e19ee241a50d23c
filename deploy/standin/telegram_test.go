package standin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/standin"
)

func startTelegram(t testing.TB, opts standin.Options) *standin.Telegram {
	t.Helper()
	s, err := standin.StartTelegram(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestTelegramRefuses(t *testing.T) {
	s := startTelegram(t, standin.Options{Secret: "1:a"})
	entity := func(kind string, offset, length int) string {
		return fmt.Sprintf(`{"type":%q,"offset":%d,"length":%d}`, kind, offset, length)
	}
	cases := []struct{ name, text, entities, want string }{
		{"fine", "hello", "", ""},
		{"4096 units", strings.Repeat("x", 4096), "", ""},
		{"4097 units", strings.Repeat("x", 4097), "", "message is too long"},
		{"2048 emoji", strings.Repeat("💥", 2048), "", ""},
		{"2049 emoji", strings.Repeat("💥", 2049), "", "message is too long"},
		{"empty", " \n", "", "message text is empty"},
		{"bold", "hello", "[" + entity("bold", 0, 5) + "]", ""},
		{"outside", "hello", "[" + entity("bold", 1, 5) + "]", "outside of the text"},
		{"beyond numbers", "hello", "[" + entity("bold", 1, 1<<63-1) + "]", "outside of the text"},
		{"negative", "hello", "[" + entity("bold", -1, 2) + "]", "outside of the text"},
		{"half a character", "💥", "[" + entity("bold", 0, 1) + "]", "surrogate pair"},
		{"a whole one", "💥", "[" + entity("bold", 0, 2) + "]", ""},
		{"unknown type", "hello", "[" + entity("marquee", 0, 2) + "]", "unsupported type"},
		{"nested", "hello", "[" + entity("bold", 0, 5) + "," + entity("italic", 1, 2) + "]", ""},
		{"crossing", "hello", "[" + entity("bold", 0, 3) + "," + entity("italic", 2, 3) + "]", "must not overlap"},
		{"bold in code", "hello", "[" + entity("code", 0, 5) + "," + entity("bold", 1, 2) + "]", "must not overlap"},
		{"not JSON", "hello", "[{", "can't parse entities"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answer := call(t, s.URL()+"/bot1:a/sendMessage", form("chat_id", "7", "text", c.text, "entities", c.entities))
			said, _ := answer["description"].(string)
			if answer["ok"] != (c.want == "") || !strings.Contains(said, c.want) {
				t.Errorf("answer %v, want %q", answer, c.want)
			}
		})
	}
}

func TestTelegramMethods(t *testing.T) {
	s := startTelegram(t, standin.Options{Secret: "1:a"})
	sent := call(t, s.URL()+"/bot1:a/sendMessage", form("chat_id", "7", "text", "hello"))
	id := fmt.Sprint(sent["result"].(map[string]any)["message_id"])
	cases := []struct {
		name, path string
		form       []string
		want       float64 // error_code
	}{
		{"who", "/bot1:a/getMe", nil, 0},
		{"wrong token", "/bot1:b/getMe", nil, 401},
		{"no token", "/bot/getMe", nil, 404},
		{"no such method", "/bot1:a/shout", nil, 404},
		{"no chat", "/bot1:a/sendMessage", []string{"text", "x"}, 400},
		{"edit", "/bot1:a/editMessageText", []string{"chat_id", "7", "message_id", id, "text", "bye"}, 0},
		{"the same again", "/bot1:a/editMessageText", []string{"chat_id", "7", "message_id", id, "text", "bye"}, 400},
		{"another chat's", "/bot1:a/editMessageText", []string{"chat_id", "8", "message_id", id, "text", "x"}, 400},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answer := call(t, s.URL()+c.path, form(c.form...))
			if got, _ := answer["error_code"].(float64); got != c.want {
				t.Errorf("answer %v, want %v", answer, c.want)
			}
		})
	}
	if got := s.Messages(); len(got) != 1 || got[0].Text != "bye" || got[0].Edits != 1 {
		t.Errorf("the chat holds %+v", got)
	}
}

// A folded quotation shows what a client shows before the tap.
func TestTelegramFolds(t *testing.T) {
	s := startTelegram(t, standin.Options{})
	text := "head\n1\n2\n\n4\n5\ntail"
	entities := fmt.Sprintf(`[{"type":"expandable_blockquote","offset":5,"length":%d}]`, len("1\n2\n\n4\n5"))
	call(t, s.URL()+"/bot1:a/sendMessage", form("chat_id", "7", "text", text, "entities", entities))
	if got, want := s.Messages()[0].Rendered, "head\n1\n2\n\n⌄ 2 more lines, on a tap\ntail\n"; got != want {
		t.Errorf("shows %q, want %q", got, want)
	}
}

func FuzzEntities(f *testing.F) {
	s := startTelegram(f, standin.Options{})
	f.Add("a💥b", `[{"type":"bold","offset":1,"length":2}]`)
	f.Add("x\ny", `[{"type":"pre","offset":0,"length":3},null]`)
	f.Add("xy", `[{"type":"bold","offset":1,"length":9223372036854775807}]`)
	f.Add("x", `[{"type":"expandable_blockquote","offset":0,"length":9223372036854775807}]`)
	f.Fuzz(func(t *testing.T, text, entities string) {
		answer := call(t, s.URL()+"/bot1:a/sendMessage", form("chat_id", "7", "text", text, "entities", entities))
		if _, ok := answer["ok"].(bool); !ok {
			t.Errorf("answer %v", answer)
		}
		if raw, err := json.Marshal(s.Messages()); err != nil || len(raw) == 0 {
			t.Error(err)
		}
	})
}
