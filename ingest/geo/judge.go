package geo

import (
	"strings"
	"unicode"

	"github.com/tokenwatch/tokenwatch/schema"
)

// hint is a word in an organisation's name that tells what it does with its addresses. Only whole
// words count, or parts of words at the ends where that is said: a hospital is no host, and
// neither Cloudberry nor an automobile club is what it contains.
type hint struct {
	kind   schema.Network
	whole  []string
	prefix []string
	suffix []string
}

// hints are asked in order, and the first that matches decides: a bank's data centre is a data centre, a
// university's wireless network is the university's.
var hints = []hint{
	{
		kind:   schema.NetworkVPN,
		whole:  []string{"proxy", "proxies", "anonymizer", "anonymous"},
		suffix: []string{"vpn", "vpns"},
	},
	{
		kind: schema.NetworkHosting,
		whole: []string{
			"cloud", "clouds", "cloudservices", "vps", "server", "servers", "dedicated", "dedicados", "datacenter", "datacenters",
			"datacentre", "datacentres", "colo", "colocation", "cdn", "host", "hosted", "compute", "computing", "idc", "serveur", "serveurs", "servidores",
			"hospedagem", "hebergement", "datacentra",
		},
		prefix: []string{"hosting", "webhost", "hostinger", "hostgator", "hostwinds", "hostkey", "hostroyale", "hosteurope"},
		suffix: []string{"hosting", "hostings", "webhost", "datacenter", "datacenters", "datacentre", "vps"},
	},
	{
		kind: schema.NetworkBusiness,
		whole: []string{
			"university", "universitat", "universitaet", "universiteit", "universidad", "universidade", "universite", "universita", "college", "school", "schools",
			"institute", "academy", "academic", "research", "bank", "banco", "banque", "insurance", "hospital", "hospitals", "clinic", "health", "healthcare",
			"government", "ministry", "ministerio", "federal", "municipality", "county", "court", "police", "army", "navy", "defense", "defence", "airlines", "airways",
			"pharmaceuticals", "motors", "automotive", "automobile", "automobiles", "consulting",
		},
	},
	{
		kind:  schema.NetworkMobile,
		whole: []string{"mobile", "tmobile", "mobiles", "mobility", "mobily", "mobitel", "cellular", "cellco", "gsm", "movil", "moviles", "movel", "movistar", "wireless", "celular", "pcs"},
	},
	{
		kind: schema.NetworkResidential,
		whole: []string{
			"broadband", "cable", "cablevision", "catv", "fiber", "fibre", "fibra", "dsl", "adsl", "ftth", "isp", "telefonica", "telefonia", "telefon", "telephone",
			"telco", "telecable", "kabel", "kabelnet", "provedor", "internet", "communications", "comunicaciones", "comunicacoes",
		},
		suffix: []string{
			"telecom", "telekom", "telecoms", "telecommunication", "telecommunications", "telecomunicaciones", "telecomunicacoes", "telecomunicazioni",
			"telekomunikasi", "telekomunikasyon", "broadband", "fiber", "fibra", "kabel",
		},
	},
}

// judge tells the kind of network by its organisation's name, unknown when no word says anything.
func judge(name string) schema.Network {
	words := wordsOf(name)
	switch {
	case follow(words, "data", "center"), follow(words, "data", "centers"), follow(words, "data", "centre"), follow(words, "virtual", "private"):
		return schema.NetworkHosting
	case follow(words, "cable", "wireless"): // the former Cable & Wireless: homes
		return schema.NetworkResidential
	}
	for i := range hints {
		for _, word := range words {
			if hints[i].matches(word) {
				return hints[i].kind
			}
		}
	}
	return schema.NetworkUnknown
}

func (h *hint) matches(word string) bool {
	for _, w := range h.whole {
		if word == w {
			return true
		}
	}
	for _, p := range h.prefix {
		if strings.HasPrefix(word, p) {
			return true
		}
	}
	for _, s := range h.suffix {
		if strings.HasSuffix(word, s) {
			return true
		}
	}
	return false
}

// follow tells whether the two words stand side by side.
func follow(words []string, first, second string) bool {
	for i := 1; i < len(words); i++ {
		if words[i-1] == first && words[i] == second {
			return true
		}
	}
	return false
}

// wordsOf splits a name at everything that is neither letter nor digit, in lower case, without the
// accents that names of companies carry in one database and not in another.
func wordsOf(name string) []string {
	return strings.FieldsFunc(unaccented.Replace(strings.ToLower(name)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

var unaccented = strings.NewReplacer(
	"á", "a", "à", "a", "â", "a", "ã", "a", "ä", "a", "ç", "c", "é", "e", "è", "e", "ê", "e", "í", "i",
	"ó", "o", "ô", "o", "õ", "o", "ö", "o", "ú", "u", "ü", "u", "ñ", "n",
)
