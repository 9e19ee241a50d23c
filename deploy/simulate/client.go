package simulate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// product is a program that calls the API, with its releases: every few weeks a new version, numbered as its makers do.
type product struct {
	agent   string        // {v} is the version, {os} the platform
	version string        // how release n is written, with %d where n stands
	first   int           // the release that was current in January 2025
	every   time.Duration // between releases
}

// make is what all versions of a program have in common; browsers are one.
func (p product) make() string {
	name, _, _ := strings.Cut(p.agent, "/")
	return name
}

const day = 24 * time.Hour

// epoch is where releases and leases begin to count, January 2025; only differences matter.
func epoch() time.Time { return time.Unix(1735689600, 0) }

// kinds of work, each with the programs that people use for it.
type work uint8

const (
	workBrowser work = iota
	workShell
	workScript
	workPlugin
	workService
	workJob
	workThief
)

func products(w work) []product {
	switch w {
	case workBrowser:
		return []product{
			{"Mozilla/5.0 ({os}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v} Safari/537.36", "%d.0.0.0", 132, 28 * day},
			{"Mozilla/5.0 ({os}; rv:{v}) Gecko/20100101 Firefox/{v}", "%d.0", 134, 28 * day},
			{"Mozilla/5.0 ({os}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v} Safari/537.36 Edg/{v}", "%d.0.0.0", 132, 28 * day},
			{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{v} Safari/605.1.15", "18.%d", 2, 60 * day},
		}
	case workShell:
		return []product{
			{"curl/{v}", "8.%d.0", 11, 56 * day},
			{"HTTPie/{v}", "3.2.%d", 4, 300 * day},
			{"huggingface_hub/{v}; python/3.12.7; hf_cli/{v}", "0.%d.0", 27, 35 * day},
			{"Wget/{v}", "1.%d.0", 24, 200 * day},
		}
	case workScript:
		return []product{
			{"python-requests/{v}", "2.32.%d", 3, 150 * day},
			{"OpenAI/Python {v}", "1.%d.0", 59, 9 * day},
			{"huggingface_hub/{v}; python/3.11.9; torch/2.6.0", "0.%d.0", 27, 35 * day},
			{"python-httpx/{v}", "0.28.%d", 1, 200 * day},
			{"OpenAI/JS {v}", "4.%d.0", 77, 10 * day},
			{"axios/{v}", "1.7.%d", 9, 30 * day},
			{"R (4.4.2) httr2/{v} curl/6.0.1", "1.%d.0", 0, 120 * day},
		}
	case workPlugin:
		return []product{
			{"continue-vscode/{v} ({os})", "0.9.%d", 252, 6 * day},
			{"GitHubCopilotChat/{v}", "0.%d.0", 23, 28 * day},
			{"JetBrains-AI/{v} ({os})", "243.%d.0", 220, 30 * day},
			{"Cursor/{v} ({os})", "0.%d.0", 44, 14 * day},
			{"Zed/{v} ({os})", "0.%d.0", 168, 7 * day},
			{"aider/{v}", "0.%d.0", 70, 12 * day},
		}
	case workService:
		return []product{
			{"python-httpx/{v}", "0.28.%d", 1, 200 * day},
			{"AsyncOpenAI/Python {v}", "1.%d.0", 59, 9 * day},
			{"Go-http-client/2.0", "", 0, 0},
			{"okhttp/{v}", "4.12.%d", 0, 250 * day},
			{"axios/{v}", "1.7.%d", 9, 30 * day},
			{"node", "", 0, 0},
			{"Apache-HttpClient/{v} (Java/21.0.5)", "5.4.%d", 1, 90 * day},
			{"reqwest/{v}", "0.12.%d", 12, 45 * day},
			{"Ruby", "", 0, 0},
			{"GuzzleHttp/7", "", 0, 0},
			{"langchain-py/{v}", "0.3.%d", 14, 8 * day},
		}
	case workJob:
		return []product{
			{"curl/{v}", "7.88.%d", 1, 900 * day},
			{"python-requests/{v}", "2.31.%d", 0, 400 * day},
			{"Go-http-client/1.1", "", 0, 0},
			{"huggingface_hub/{v}; python/3.10.14", "0.%d.0", 25, 50 * day},
			{"apache-airflow/{v}", "2.10.%d", 4, 45 * day},
			{"python-urllib3/{v}", "2.3.%d", 0, 90 * day},
			{"Wget/{v}", "1.%d.3", 21, 400 * day},
		}
	default: // what is in a thief's hands; much of it is what everybody uses
		return []product{
			{"python-requests/{v}", "2.32.%d", 3, 150 * day},
			{"Python/3.11 aiohttp/{v}", "3.11.%d", 11, 20 * day},
			{"Go-http-client/1.1", "", 0, 0},
			{"axios/{v}", "1.7.%d", 9, 30 * day},
			{"curl/{v}", "8.%d.0", 5, 56 * day},
			{"node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", "", 0, 0},
			{"OpenAI/Python {v}", "1.%d.0", 59, 9 * day},
			{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v} Safari/537.36", "%d.0.0.0", 128, 28 * day},
		}
	}
}

func platforms() []string {
	return []string{"Macintosh; Intel Mac OS X 10_15_7", "Windows NT 10.0; Win64; x64", "X11; Linux x86_64"}
}

// client is one installation of a product: it takes updates in its own rhythm, so it lags behind the releases.
type client struct {
	product  product
	platform string
	updates  time.Duration // between updates; zero: pinned for good
	phase    time.Duration
}

// install draws a client for the kind of work.
func install(d dice, w work) client {
	c := client{product: pick(d, products(w)), platform: pick(d, platforms())}
	c.updates = time.Duration(d.logNormal(float64(30*day), 0.7))
	if w == workBrowser { // browsers update themselves
		c.updates = time.Duration(d.between(3, 10) * float64(day))
	}
	if (w == workService || w == workJob) && d.chance(0.6) {
		c.updates = 0
	}
	c.phase = time.Duration(d.Float64() * float64(max(c.updates, 300*day)))
	return c
}

// release is the version that stands on this machine at a time.
func (c client) release(at time.Time) int {
	if c.product.every == 0 {
		return 0
	}
	age := at.Sub(epoch())
	if c.updates > 0 {
		age -= (age + c.phase) % c.updates
	} else {
		age = c.phase
	}
	return c.product.first + int(max(age, 0)/c.product.every)
}

func (c client) agent(release, steps int) string {
	v := c.product.version
	if v != "" {
		v = fmt.Sprintf(v, release)
	}
	if major, _, found := strings.Cut(v, "."); steps > 0 && found && c.steps() {
		n, _ := strconv.Atoi(major) // it is a number: see products
		v = strconv.Itoa(n+steps) + ".0.0"
	}
	return strings.NewReplacer("{v}", v, "{os}", c.platform).Replace(c.product.agent)
}

// steps says whether the client's version is in its owner's hands: browsers and editors update themselves.
func (c client) steps() bool {
	v := c.product.version
	return v != "" && v[0] != '%' && !strings.Contains(c.product.agent, "{os}")
}

// agents remembers user agents that were written before. Its size is bounded by the programs and their releases above,
// a few hundred in a year of events.
type agents map[agentKey]string

type agentKey struct {
	agent, platform string
	release, steps  int
}

// of names a client at a time, steps being the deploys that moved it on to the next major version.
func (a agents) of(c client, at time.Time, steps int) string {
	k := agentKey{c.product.agent, c.platform, c.release(at), steps}
	name, known := a[k]
	if !known {
		name = c.agent(k.release, steps)
		a[k] = name
	}
	return name
}
