package ingest

import "bytes"

// maxClient bounds the name of a client.
const (
	maxClient = 40
	maxMajor  = 8
)

// browsers are the products by which a browser is known, before those that it also claims
// to be: Edge says Chrome, Chrome says Safari.
var browsers = [...]struct{ mark, name string }{
	{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "SamsungBrowser"},
	{"Vivaldi/", "Vivaldi"}, {"YaBrowser/", "YaBrowser"}, {"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"},
	{"PowerShell/", "PowerShell"}, {"HeadlessChrome/", "HeadlessChrome"}, {"CriOS/", "Chrome"}, {"Electron/", "Electron"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"},
}

// appendClient appends a user agent's product and major version: "curl/8",
// "python-requests/2", "Chrome/126". A client that names no version has none here.
func appendClient(dst, agent []byte) []byte {
	agent = bytes.TrimSpace(agent)
	if product, ok := bytes.CutPrefix(agent, []byte("Mozilla/")); ok {
		return appendBrowser(dst, product)
	}
	product, rest, _ := bytes.Cut(agent, []byte(" "))
	name, version, slash := bytes.Cut(product, []byte("/"))
	if rest = bytes.TrimSpace(rest); vague(name) && bytes.IndexByte(rest, '/') > 0 {
		return appendClient(dst, rest) // "Python/3.11 aiohttp/3.9.1", "unknown/None; hf_hub/0.20.3"
	}
	switch deeper := bytes.LastIndexByte(version, '/'); {
	case !slash && major(rest) != nil:
		version = rest // "okhttp 4.9"
	case deeper >= 0 && major(version) == nil:
		name, version = product[:len(name)+1+deeper], version[deeper+1:] // "OpenAI/NodeJS/3.2.1"
	case slash && major(version) == nil && major(rest) != nil:
		name, version = product, rest // "OpenAI/Python 1.3.5"
	case slash && major(version) == nil && !bytes.ContainsAny(version, "0123456789"):
		name = product // "Symfony/HttpClient"; but "GitHub-Hookshot/abc1234" has another hash each time
	}
	return appendProduct(dst, bytes.TrimRight(name, ";,/"), version)
}

// vague tells products that say nothing when others follow: what runs the client, or that nobody knows.
func vague(name []byte) bool { return is(name, "python") || is(name, "unknown") }

func appendBrowser(dst, agent []byte) []byte {
	if _, bot, ok := bytes.Cut(agent, []byte("compatible; ")); ok {
		end := bytes.IndexAny(bot, "; )")
		if end < 0 {
			end = len(bot)
		}
		name, version, _ := bytes.Cut(bot[:end], []byte("/"))
		return appendProduct(dst, name, version)
	}
	for _, browser := range browsers {
		if _, version, ok := bytes.Cut(agent, []byte(browser.mark)); ok {
			return appendProduct(dst, []byte(browser.name), version)
		}
	}
	return append(dst, "Mozilla"...)
}

func appendProduct(dst, name, version []byte) []byte {
	version = major(version)
	version = version[:min(len(version), maxMajor)]
	name = name[:min(len(name), maxClient-1-maxMajor)]
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			c = '_' // names are shown in messages and tables
		}
		dst = append(dst, c)
	}
	if len(version) > 0 {
		dst = append(append(dst, '/'), version...)
	}
	return dst
}

// major is the number that a version begins with, nil if it begins with none.
func major(version []byte) []byte {
	version = bytes.TrimPrefix(version, []byte("v"))
	n := 0
	for n < len(version) && version[n]-'0' <= 9 {
		n++
	}
	if n == 0 {
		return nil
	}
	return version[:n]
}
