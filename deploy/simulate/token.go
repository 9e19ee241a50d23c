package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Class is what a token is used by.
type Class string

// The classes of the fleet.
const (
	Person    Class = "person"    // somebody at work: hours, weekends, home and office
	Traveller Class = "traveller" // a person who flies every few weeks
	Server    Class = "server"    // a service that runs round the clock
	Cron      Class = "cron"      // a job at fixed times
	Batch     Class = "batch"     // a large job now and then, when somebody starts it
	CI        Class = "ci"        // tests that run when people push, on hired machines
	Sparse    Class = "sparse"    // a few requests a week
	Worker    Class = "worker"    // a service on many machines that come and go, all with one token; in planned fleets
)

// Classes lists the classes in the order in which they are described.
func Classes() []Class { return []Class{Person, Traveller, Server, Cron, Batch, CI, Sparse, Worker} }

// Token is one API token of the fleet and who has it.
type Token struct {
	Index       int
	Owner       string
	Environment string // prod, dev or test
	Class       Class
	Gateway     string // which gateway logs its requests: see Gateways
	Secret      string // the token itself, as most gateways log it; invented, worth nothing
	Credential  string // the id or hash that some (Kong, AWS, LiteLLM) log in place of the token; empty behind others
	City        string // where its user is at home
	Country     string // two letters
	Zone        string // IANA time zone of its user
	Since       time.Time
}

// token is a Token with everything that makes it act.
type token struct {
	Token
	owner    *owner
	habit    habit
	seed     uint64
	consumer string // owner and environment, as gateways name consumers
	key      []byte
	write    writer
	until    time.Time // given up at; zero: still in use
	diet     diet
	clumsy   float64 // multiplies its rate of errors
	retries  bool
	tale     *tale // what it lives through, if its own requests are part of a story
	models   []string
	datasets []string
}

// issue gives the token its secret, its Kafka key and its small print.
func (t *token) issue(d dice) {
	t.Secret = secret(d, t.owner.style)
	t.Credential = credential(d, t.Gateway, t.Secret)
	sum := sha256.Sum256([]byte(t.Logged()))
	t.key = hex.AppendEncode(nil, sum[:8])
	t.clumsy = min(max(d.logNormal(1, 0.7), 0.1), 8)
	t.models, t.datasets = favourites(d, t.owner.slug, 4, models()), favourites(d, t.owner.slug, 5, datasets())
}

// Logged is what names the token in its gateway's records: the token itself, or the id of its credential.
func (t Token) Logged() string {
	if t.Credential != "" {
		return t.Credential
	}
	return t.Secret
}

// credential is what a gateway logs in place of a token: nothing, mostly.
func credential(d dice, gateway, secret string) string {
	switch gateway {
	case "kong":
		return uuid(d)
	case "aws-apigateway":
		return strings.ToLower(letters(d, 10))
	case "litellm":
		sum := sha256.Sum256([]byte(secret))
		return hex.EncodeToString(sum[:])
	}
	return ""
}

func secret(d dice, style int) string {
	switch style {
	case 0:
		return "hf_" + letters(d, 34)
	case 1:
		return "sk-proj-" + letters(d, 48)
	default:
		return "ghp_" + letters(d, 36)
	}
}

func letters(d dice, n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[d.IntN(len(alphabet))]
	}
	return string(b)
}

func uuid(d dice) string {
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", d.Uint32(), d.IntN(1<<16), d.IntN(1<<12), d.IntN(1<<12), d.Uint64()>>16)
}

// favourites mixes public names with ones of the company's own.
func favourites(d dice, slug string, n int, public []string) []string {
	var chosen []string
	for i := range n {
		name := pick(d, public)
		if d.chance(0.35) {
			name = fmt.Sprintf("%s/%s-v%d", slug, pick(d, []string{"support", "ranker", "catalog", "triage", "vision", "claims"}), i+1)
		}
		chosen = append(chosen, name)
	}
	return chosen
}

func models() []string {
	return []string{"meta-llama/Llama-3.3-70B-Instruct", "Qwen/Qwen2.5-7B-Instruct", "mistralai/Mistral-Small-24B", "BAAI/bge-m3", "openai/whisper-large-v3", "google/gemma-2-9b-it", "deepseek-ai/DeepSeek-R1", "sentence-transformers/all-MiniLM-L6-v2", "microsoft/phi-4", "stabilityai/stable-diffusion-3.5-large", "intfloat/e5-large-v2", "bigcode/starcoder2-15b"}
}

func datasets() []string {
	return []string{"HuggingFaceFW/fineweb", "allenai/c4", "rajpurkar/squad", "openai/gsm8k", "mozilla-foundation/common_voice_17_0", "wikimedia/wikipedia", "nvidia/HelpSteer2", "bigcode/the-stack-v2", "uoft-cs/cifar10", "stanfordnlp/imdb", "cais/mmlu", "OpenAssistant/oasst2"}
}
