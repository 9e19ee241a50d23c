package ingest_test

import (
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
)

// TestTokensWithoutDigits: issuers draw from letters and digits, and once in some hundred tokens no digit comes out.
func TestTokensWithoutDigits(t *testing.T) {
	s := ingest.NewScrubber(nil)
	for _, token := range []string{
		"AKIAVKAMNZHDCIMWXWXA", "ASIAXSKUGUMZWUIBNNIN", "glpat-uCsgBHfsc_ynayrvswts", "ghp_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ", "sk_live_abcdefghijklmnopqrstuvwx",
		"1poci69ptjxhhc2mfjyvytpkahrjnun2", "cbhputgwnhs8ffwnrbdirnlzmguyvm03", "KNNISZlrNvkaoBnPYiuvwfHRGWdraqQM", "QUtJQVZFSkZKVFFTTkRWTUdITjY=",
	} {
		for _, text := range []string{"see " + token + " there", "/v1/" + token + "/x", "/v1?zq=" + token} {
			if got := string(s.Path([]byte(text))); !hidden(got, token) {
				t.Errorf("path %s became %s", text, got)
			}
			if got := string(s.Text([]byte(text))); !hidden(got, token) {
				t.Errorf("text %s became %s", text, got)
			}
			if got := s.Payload([]byte(`{"x":"` + text + `"}`)); !hidden(got, token) {
				t.Errorf("payload %s became %s", text, got)
			}
		}
	}
	for _, token := range []string{"612glpat-7tjj_9IJBgvfiLmdyBwd", "hvs.mQVUSFKHAzfSypzgyfKTVSmp", "6406122160:AAIODVERXoqmHyoKkKIZ_uIqF-IbeR_qQnj", "AKIAPJTNYDATDDJRANL"} {
		if got := s.Payload([]byte(`{"x":"said ` + token)); !hidden(got, token) {
			t.Errorf("payload with %s became %s", token, got)
		}
	}
	for _, word := range []string{"/v1/EURASIANDEVELOPMENTBANK", "/v1/ASIAPACIFIC", "/v1/hf_hub_download_to_local_folder", "/docs/sk-learn-contrib-introduction", "/v1/gpt4o32kturbo", "/v1/llama3instructgptqint4", "/task-proj-of-the-next-quarter"} {
		if got := string(s.Path([]byte(word))); got != word {
			t.Errorf("%s became %s", word, got)
		}
	}
}

// TestDigests: hexadecimal digits are an id where paths and consumers have such, and may be a key elsewhere.
func TestDigests(t *testing.T) {
	s := ingest.NewScrubber(nil)
	const digest = "9f86d081884c7d659a2feaa0c55ad0159f86d081"
	for text, want := range map[string]string{
		"/v1/blobs/" + digest:                        "/v1/blobs/" + digest,
		"/v1/blobs/" + digest + "?zq=" + digest:      "/v1/blobs/" + digest + "?zq=***",
		"/v1/x#" + digest:                            "/v1/x#***",
		digest:                                       "***",
		"invalid key " + digest:                      "invalid key ***",
		"/v1?u=3fa85f64-5717-4562-b3fc-2c963f66afa6": "/v1?u=3fa85f64-5717-4562-b3fc-2c963f66afa6",
		"/v1?page=9f86d081":                          "/v1?page=9f86d081",
	} {
		if got := string(s.Path([]byte(text))); got != want {
			t.Errorf("path %s became %s", text, got)
		}
	}
	for text, want := range map[string]string{digest: digest, "key " + digest: "key ***", "3fa85f64-5717-4562-b3fc-2c963f66afa6": "3fa85f64-5717-4562-b3fc-2c963f66afa6"} {
		if got := string(s.Text([]byte(text))); got != want {
			t.Errorf("consumer %s became %s", text, got)
		}
	}
	if got := string(s.Agent([]byte(digest))); got != "***" {
		t.Errorf("the user agent became %s", got)
	}
}

// TestSecretsElsewhere: where a request's texts say themselves that something in them is secret, whatever it looks like, and tokens
// whose looks are an accident.
func TestSecretsElsewhere(t *testing.T) {
	s := ingest.NewScrubber(nil)
	s.Know(nil)
	for text, want := range map[string]string{
		"/x?u=%252525252568%252525252566_QkZxWvTyRmPqLsNdBgHjKcFaEu":              "/x?u=***",
		"/v1/05NJWKNwMBOMxj%2FD3WZGkRzBKevCL1PCRw0BEdaq/rotate":                   "/v1/***/rotate",
		"/api/v4/projects/group%2Fsubgroup%2Fproject%2Dname/issues":               "/api/v4/projects/group%2Fsubgroup%2Fproject%2Dname/issues",
		"/v1/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":                               "/v1/***",
		"/v1/glcbt-64_oUHRP_9_rky4hZWoioAl":                                       "/v1/***",
		"/v1/y2tbljpcckjqsjgred48/x":                                              "/v1/***/x",
		"/x?PHPSESSID=abc&db_pwd=hunter2&userpass=tiny&otp=123456&passphrase=a b": "/x?PHPSESSID=***&db_pwd=***&userpass=***&otp=***&passphrase=***",
		"/v1/0.00022500000000000002/sum-20261121000000000001":                     "/v1/0.00022500000000000002/sum-20261121000000000001",
		"/x?side=left&position=3&tickets=2&assign=me":                             "/x?side=left&position=3&tickets=2&assign=me",
	} {
		if got := string(s.Path([]byte(text))); got != want {
			t.Errorf("path %s became %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"bot/1.0 (api_key=hunter2; +https://a.example)": "bot/1.0 (api_key=***; +https://a.example)",
		"bot/1.0 session=tiny x":                        "bot/1.0 session=*** x",
		"Basic dXNlcjpw/YXNzd29yZA== and more":          "Basic *** and more",
		"a=b; lang=en":                                  "a=b; lang=en",
	} {
		if got := string(s.Agent([]byte(text))); got != want {
			t.Errorf("user agent %s became %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"Bearer y2tbljpcckjqsjgred48":         "Bearer ***",
		"Bearer 6406122160:AAIODVER/XoqmHyoK": "Bearer ***",
		"https://me:hunter2@host/1":           "https://me:***@host/1",
		"r1?password=hunter2":                 "r1?password=***",
		"Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1": "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1",
	} {
		if got := string(s.ID([]byte(text))); got != want {
			t.Errorf("id %s became %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		`{"upstream":"http://u:hun?ter#2@host/x"}`: `{"upstream":"http://u:***@host/x"}`,
	} {
		if got := s.Payload([]byte(text)); got != want {
			t.Errorf("payload %s became %s, want %s", text, got, want)
		}
	}
}
