package ingest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
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
func ways(token string) map[string]string {
	percent := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, "%%%02x", c)
		}
		return b.String()
	}
	return map[string]string{
		"bare": token, "bearer": "Bearer " + token, "in words": "see " + token + " there", "escaped": url.QueryEscape(token),
		"percent": percent(token), "percent twice": strings.ReplaceAll(percent(token), "%", "%25"), "query": "/v1/x?a=1&session_token=" + url.QueryEscape(token) + "&b=2",
		"segment": "/v1/" + url.PathEscape(token) + "/files", "quoted": `{"inner":"` + token + `"}`, "list": token + ", " + token,
	}
}

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
	s := string(text)
	for i := 0; i+2 < len(s); i++ {
		if code, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil && s[i] == '%' {
			s = s[:i] + string([]byte{byte(code)}) + s[i+3:]
		}
	}
	for i := 0; i+5 < len(s); i++ {
		if code, err := strconv.ParseUint(s[i+2:i+6], 16, 16); err == nil && s[i:i+2] == `\u` {
			s = s[:i] + string(rune(code)) + s[i+6:]
		}
	}
	return []byte(strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\/`, `/`).Replace(s))
}

// graft calls each with the record, once for every value in it with that value replaced.
func graft(root, at any, replace func(any), value string, each func(place string), path string) {
	switch node := at.(type) {
	case map[string]any:
		for key, old := range node {
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
func troubles(record []byte) map[string][]byte {
	return map[string][]byte{
		"none": record, "cut": record[:len(record)-1], "cut in half": record[:len(record)/2], "not UTF-8": append([]byte("{\"\xff\":1,"), record[1:]...),
		"batched": append(append([]byte("["), record...), ']'), "batch cut": append(append([]byte("["), record...), ','), "no JSON": append([]byte("log: "), record...),
		"too large": append(bytes.Clone(record), bytes.Repeat([]byte(" "), 64<<10)...),
	}
}

// carrier says where a record of the format holds its credential.
func carriers() map[string][]string {
	return map[string][]string{
		"nginx":      {"http_authorization", "http_x_api_key", "arg_api_key", "token"},
		"kong":       {"request.headers.apikey", "request.headers.authorization", "request.querystring.apikey"},
		"litellm":    {"metadata.user_api_key_hash", "metadata.user_api_key"},
		"tokenwatch": {"token"},
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
	paths, err := filepath.Glob(filepath.Join("format", "testdata", name, "[dfs]*[slo][.cnu]*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no sample, %v", name, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var record map[string]any
		if json.Unmarshal(text, &record) == nil && !strings.HasSuffix(path, ".want.json") {
			return record
		}
	}
	t.Fatalf("%s: no sample that is an object", name)
	return nil
}

// TestNoTokenSurvives plants tokens in every place of every format's records, in every
// disguise, lets every trouble befall them, and looks for them in all that is stored.
func TestNoTokenSurvives(t *testing.T) {
	for _, name := range format.Names() {
		for kind, token := range planted() {
			t.Run(name+"/"+kind, func(t *testing.T) { plantEverywhere(t, name, "", token) })
		}
		for kind, token := range known() {
			for _, carrier := range carriers()[name] {
				t.Run(name+"/"+kind+" in "+carrier, func(t *testing.T) { plantEverywhere(t, name, carrier, token) })
			}
		}
	}
}

func plantEverywhere(t *testing.T, name, carrier, token string) {
	record := sample(t, name)
	if carrier != "" {
		put(record, carrier, token)
	}
	d := newDecoder(t, name, func(c *ingest.DecodeConfig) { c.MaxRecordBytes = 32 << 10 })
	for way, disguise := range ways(token) {
		graft(record, record, nil, disguise, func(place string) {
			if carrier != "" {
				put(record, carrier, token) // the place at hand may have been this one
			}
			text, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			for trouble, bytes := range troubles(text) {
				if carrier != "" && trouble == "cut in half" {
					continue // what has lost its field is like any other word
				}
				b := decode(d, string(bytes))
				if leak := leaks(t, b, token); leak != "" {
					t.Fatalf("%s at %s, trouble: %s\nrecord %s\nstored %s", way, place, trouble, bytes, leak)
				}
			}
		}, "")
	}
}
