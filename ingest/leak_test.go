package ingest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// planted are tokens of many issuers, and two that only their place gives away.
func planted() map[string]string {
	return map[string]string{
		"hugging face": "hf_QkZxWvTyRmPqLsNdBgHjKcFaEu", "openai": "sk-proj-T3BlbkFJq8ZxWvTyRmPqLsNdBgHj",
		"github": "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "fine-grained": "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz0123456789ABCDEFGHIJKL",
		"aws": "AKIAIOSFODNN7EXAMPLE", "slack": "xoxb-263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1", "stripe": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
		"jwt":     "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
		"base62":  "qZ8xK2mN7vB4cR9tY3wE6uI1oP5aS0dF",
		"lower":   "k3j9x2m7q8w4e1r6t5y0u2i8o3p7a9s4",
		"gitlab":  "glpat-q8ZxWvTyRmPqLsNdBgHj",
		"unknown": "zz9-Q8x.K2m~N7v_B4cR9tY3wE6uI1oP5",
	}
}

// known are credentials that look like nothing: only their field gives them away.
func known() map[string]string {
	return map[string]string{
		"words": "correct-horse-battery-staple", "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "hex": "9f86d081884c7d659a2feaa0c55ad015",
		"odd": `a+b/c=d&e?f"g\h%41i<j`, "umlaut": "schlüssel-ß-日本語", "blanks": "open sesame please", "digits": "98765432109876543210",
	}
}

// ways are the disguises of a token.
func ways(token string) []way {
	percent := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, "%%%02x", c)
		}
		return b.String()
	}
	return []way{
		{"bare", token}, {"bearer", "Bearer " + token}, {"in words", "see " + token + " there"}, {"escaped", url.QueryEscape(token)},
		{"percent", percent(token)}, {"percent twice", strings.ReplaceAll(percent(token), "%", "%25")},
		{"query", "/v1/x?a=1&session_token=" + url.QueryEscape(token) + "&b=2"}, {"segment", "/v1/" + url.PathEscape(token) + "/files"},
		{"quoted", `{"inner":"` + token + `"}`}, {"list", token + ", " + token},
	}
}

type way struct{ name, text string }

// leaks reports whether something of the token is in the block: all of it, or more than
// its hint gives away, as it is or behind an encoding.
func leaks(t *testing.T, b *schema.Block, token string) string {
	t.Helper()
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	middle := token[len(token)/4 : len(token)-4]
	for range 4 {
		if bytes.Contains(text, []byte(middle)) {
			return string(text)
		}
		text = unescaped(text)
	}
	return ""
}

// unescaped undoes a layer of what encodings there are.
func unescaped(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '%' && i+2 < len(text):
			if code, err := strconv.ParseUint(string(text[i+1:i+3]), 16, 8); err == nil {
				out = append(out, byte(code))
				i += 2
				continue
			}
		case text[i] == '\\' && i+5 < len(text) && text[i+1] == 'u':
			if code, err := strconv.ParseUint(string(text[i+2:i+6]), 16, 16); err == nil {
				out = append(out, string(rune(code))...)
				i += 5
				continue
			}
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		out = append(out, text[i])
	}
	return out
}

// graft calls each with the record, once for every value in it with that value replaced.
func graft(root, at any, replace func(any), value string, each func(place string), path string) {
	switch node := at.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(node)) {
			old := node[key]
			graft(root, old, func(v any) { node[key] = v }, value, each, path+"."+key)
			node[key] = old
		}
		node[value] = "as a key"
		each(path + ": key")
		delete(node, value)
	case []any:
		for i, old := range node {
			graft(root, old, func(v any) { node[i] = v }, value, each, path+"."+strconv.Itoa(i))
			node[i] = old
		}
	default:
		replace(value)
		each(path)
	}
}

// troubles are what may befall a record.
func troubles(record []byte) []trouble {
	return []trouble{
		{"none", record}, {"cut", record[:len(record)-1]}, {"cut in half", record[:len(record)/2]},
		{"not UTF-8", append([]byte("{\"\xff\":1,"), record[1:]...)}, {"batched", append(append([]byte("["), record...), ']')},
		{"batch cut", append(append([]byte("["), record...), ',')}, {"no JSON", append([]byte("log: "), record...)},
		{"too large", append(bytes.Clone(record), bytes.Repeat([]byte(" "), 64<<10)...)},
	}
}

type trouble struct {
	name   string
	record []byte
}

// carrier says where a record of the format holds its credential.
func carriers() map[string][]string {
	return map[string][]string{
		"nginx":      {"http_authorization", "http_x_api_key", "arg_api_key", "token"},
		"kong":       {"request.headers.apikey", "request.headers.authorization", "request.querystring.apikey"},
		"litellm":    {"metadata.user_api_key_hash", "metadata.user_api_key"},
		"tokenwatch": {"token"},

		"apisix":         {"request.headers.apikey", "request.querystring.apikey", "http_authorization"},
		"envoy":          {"authorization", "x-api-key"},
		"traefik":        {"request_Authorization", "request_X-Api-Key"},
		"caddy":          {"request.headers.Authorization", "api_key"},
		"haproxy":        {"http_authorization", "x_api_key"},
		"aws-apigateway": {"apiKey", "identity.apiKey"},
		"cloudflare":     {"RequestHeaders.authorization", "RequestHeaders.x-api-key"},
	}
}

func put(record map[string]any, path, value string) {
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		inner, ok := record[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			record[key] = inner
		}
		record = inner
	}
	record[keys[len(keys)-1]] = value
}

func sample(t *testing.T, name string) map[string]any {
	t.Helper()
	file := map[string]string{"tokenwatch": "full.json"}[name]
	if file == "" {
		file = "docs.json"
	}
	text, err := os.ReadFile(filepath.Join("format", "testdata", name, file))
	if err != nil {
		t.Fatal(err)
	}
	var record map[string]any
	if err := json.Unmarshal(text, &record); err != nil {
		t.Fatal(err)
	}
	return record
}

// ids are places where random words are to be expected: there only the entry's own
// credentials and those with an issuer's prefix are taken out.
func ids(place string) bool {
	switch place {
	case ".request_id", ".id", ".trace_id", ".x-request-id", ".RayID", ".requestId", ".extendedRequestId":
		return true
	}
	return false
}

func issued(kind string) bool {
	return kind != "base62" && kind != "lower" && kind != "unknown"
}

// TestNoTokenSurvives plants tokens in every place of every format's records, in every
// disguise, lets every trouble befall them, and looks for them in all that is stored.
func TestNoTokenSurvives(t *testing.T) {
	for _, name := range format.Names() {
		for kind, token := range planted() {
			t.Run(name+"/"+kind, func(t *testing.T) { plantEverywhere(t, name, "", token, issued(kind)) })
		}
		for kind, token := range known() {
			for _, carrier := range carriers()[name] {
				t.Run(name+"/"+kind+" in "+carrier, func(t *testing.T) { plantEverywhere(t, name, carrier, token, true) })
			}
		}
	}
}

func plantEverywhere(t *testing.T, name, carrier, token string, certain bool) {
	record := sample(t, name)
	if carrier != "" {
		put(record, carrier, token)
	}
	d := newDecoder(t, name, func(c *ingest.DecodeConfig) { c.MaxRecordBytes = 32 << 10 })
	turn := 0
	for i, way := range ways(token) {
		graft(record, record, nil, way.text, func(place string) {
			if turn++; turn%5 != i%5 {
				return // a fifth of the ways at each place, or it takes too long
			}
			if !certain && ids(place) {
				return
			}
			if carrier != "" {
				put(record, carrier, token) // the place at hand may have been this one
			}
			text, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			trouble := troubles(text)[turn/5%8]
			if carrier != "" && trouble.name == "cut in half" {
				return // what has lost its field is like any other word
			}
			b := decode(d, string(trouble.record))
			if leak := leaks(t, b, token); leak != "" {
				t.Fatalf("%s at %s, trouble: %s\nrecord %s\nstored %s", way.name, place, trouble.name, trouble.record, leak)
			}
		}, "")
	}
}
