package format

import (
	"bytes"
	"strings"
)

// namesGroups are the letters and digits of paths, the most telling first. Names in which a unit stands are in that unit;
// what else lasts so long is in seconds where it has a point, and in milliseconds else.
func namesGroups() []group {
	return []group{
		{token, plain, "headers:authorization headers:x-api-key headers:apikey headers:api-key headers:x_api_key headers:x-auth-token headers:x-access-token headers:x-goog-api-key headers:ocp-apim-subscription-key " +
			"authorization httpauthorization reqauthorization xapikey httpxapikey httpapikey apikey xauthtoken accesstoken token argapikey"},
		{secret, plain, "headers:cookie headers:proxy-authorization cookie httpcookie proxyauthorization"},
		{credential, plain, "apikeyid xapikeyid credentialid"},
		{consumer, plain, "consumer consumername consumerusername consumerid xconsumerusername httpxconsumerusername headers:x-consumer-username headers:x-consumer-id headers:x-forwarded-user " +
			"remoteuser username useridentifier user userid usrid enduserid principalid authorizersub authorizerprincipalid authorizerclaimssub claimssub claimsclientid sub jwtsub jwtpayloadsub jwtclaimsub jwtclaimssub clientid userarn useremail caller sslclientsdn"},
		{environment, plain, "environment"},
		{started, guess, "eventstart starttime startedat requestedat requesttimeepoch requestdatems acceptdate requestdate requestdatetime startutc"},
		{ended, guess, "eventend msec timeiso8601 timelocal timestamp @timestamp datetime time ts date dateaccess"},
		{latency, nanos, "eventduration durationns latencyns"},
		{latency, micros, "durationus latencyus"},
		{latency, millis, "durationms latencyms requesttimems responsetimems responselatency latency integrationlatency timeactive timeduration timetotal totaltime sessionduration sessiondurationms clientduration ta tt"},
		{latency, told, "requesttime responsetime duration requestduration elapsed rt upstreamresponsetime"},
		{peer, plain, "remoteaddr remoteip remoteaddress downstreamdirectremoteaddress downstreamremoteaddress peerip peeraddress netpeerip remote src ci"},
		{client, plain, "sourceip sourceaddress clientip clientaddress clientsourceip client ip requestip realip xrealip httpxrealip"},
		{forwardedFor, plain, "headers:x-forwarded-for xforwardedfor httpxforwardedfor xforwardfor forwardedfor xff"},
		{forwarded, plain, "headers:forwarded httpforwarded forwarded"},
		{method, plain, "requestmethod method httpmethod verb httpverb reqmethod hm"},
		{uri, plain, "urloriginal requesturi urlfull requesturl httpuri uri url target urlpath originalpath requestpath reqpath path httppath rawpath resourcepath hu hp"},
		{requestLine, plain, "request requestline httprequest rawrequestline routekey"},
		{query, plain, "urlquery querystring args query requestquery httpquery"},
		{status, plain, "status statuscode responsestatus responsestatuscode responsecode httpstatus httpstatuscode response code st upstreamstatus"},
		{bytesIn, plain, "requestlength requestsize requestbytes requestbodybytes bytesreceived bytesin bytesuploaded networkbytesread"},
		{bytesOut, plain, "responsebodybytes responsebytes responsesize responselength bodybytessent bytessent bodysentbytes bytesout bytes size bytesread networkbyteswritten"},
		{userAgent, plain, "useragentoriginal headers:user-agent headers:user_agent httpuseragent useragent agent ua clientuseragent"},
		{requestID, plain, "requestid reqid xrequestid headers:x-request-id uniqueid extendedrequestid traceid"},
	}
}

// group is a thing and the names under which it may stand.
type group struct {
	what  what
	unit  unit
	names string
}

// path is that of the group's row. No path of an entry is called so.
func (g group) path() string {
	first, _, _ := strings.Cut(g.names, " ")
	return first + " or the like"
}

// alone tells things of which every value counts: all credentials are secrets.
func (g group) alone() bool { return g.what == token || g.what == secret }

// namesTable reads the object that alike makes of an entry.
func namesTable() table {
	t := table{name: "names", finish: namesFinish}
	for _, g := range namesGroups() {
		if !g.alone() {
			t.rows = append(t.rows, row{g.path(), g.what, g.unit})
			continue
		}
		for _, name := range strings.Fields(g.names) {
			t.rows = append(t.rows, row{name, g.what, g.unit})
		}
	}
	return t
}

// spot is where a name's value belongs.
type spot struct {
	group int // -1: to a row of its own
	rank  int // among the names of the group
}

// namesSpots has those of all names. Fields that are configured have rows of their own.
func namesSpots(rows []row, consumers bool) map[string]spot {
	spots := map[string]spot{}
	for i, g := range namesGroups() {
		if g.alone() || g.what == consumer && consumers {
			continue
		}
		for rank, name := range strings.Fields(g.names) {
			spots[name] = spot{i, rank}
		}
	}
	for _, r := range rows {
		if !strings.Contains(r.path, " ") {
			spots[r.path] = spot{group: -1}
		}
	}
	return spots
}

// namesFinish undoes what parsers leave: grok's quotes around texts, and a host in front of a path.
func namesFinish(r *Record) {
	r.UserAgent = bytes.Trim(r.UserAgent, `"`)
	if i := bytes.IndexByte(r.URI, '/'); i > 0 && !bytes.Contains(r.URI, []byte("://")) && bytes.IndexByte(r.URI[:i], '.') > 0 && bytes.IndexByte(r.URI[:i], '?') < 0 {
		r.URI = r.URI[i:]
	}
}

// around are elements within which names stand that mean the same without them.
var around = set("context http httprequest identity request req response res access network auth authorizer jwt " +
	"nginx apache haproxy traefik envoyproxy apisix labels timers timings")

// modules are outermost keys of which what stands in them is a gateway's.
var modules = map[string]string{"nginx": "nginx", "apache": "nginx", "haproxy": "haproxy", "traefik": "traefik", "envoyproxy": "envoy", "apisix": "apisix"}

func set(words string) map[string]bool {
	all := map[string]bool{}
	for _, word := range bytes.Fields([]byte(words)) {
		all[string(word)] = true
	}
	return all
}

// namesMarks are the marks of formats whose keys operators choose, as far as one has them alone.
func namesMarks() map[string]string {
	marks := map[string]string{"responseheaders": "apisix"} // in what splunk-hec-logging sends
	for _, t := range tables() {
		for _, mark := range t.marks {
			if t.names != chosen || mark[0] == ':' || mark == "authority" {
				continue
			}
			var a alike
			if a.enter([]byte(mark)); marks[string(a.path)] != "" && marks[string(a.path)] != t.name {
				marks[string(a.path)] = "" // of several
				continue
			}
			marks[string(a.path)] = t.name
		}
	}
	return marks
}
