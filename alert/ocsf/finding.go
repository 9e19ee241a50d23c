package ocsf

import (
	"fmt"
	"math"
	"strings"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// schemaVersion is the version of OCSF that the finding is written after.
const schemaVersion = "1.5.0"

// Numbers of the class.
const (
	categoryFindings  = 2
	classDetection    = 2004
	activityCreate    = 1
	activityUpdate    = 2
	activityClose     = 3
	statusNew         = 1
	statusInProgress  = 2
	statusResolved    = 4
	analyticBehaviour = 2
	observableUID     = 10
)

// Finding is a Detection Finding, with the attributes that an incident fills.
type Finding struct {
	ActivityID   int          `json:"activity_id"`
	ActivityName string       `json:"activity_name"`
	CategoryUID  int          `json:"category_uid"`
	CategoryName string       `json:"category_name"`
	ClassUID     int          `json:"class_uid"`
	ClassName    string       `json:"class_name"`
	TypeUID      int          `json:"type_uid"`
	TypeName     string       `json:"type_name"`
	SeverityID   int          `json:"severity_id"`
	Severity     string       `json:"severity"`
	StatusID     int          `json:"status_id"`
	Status       string       `json:"status"`
	Time         int64        `json:"time"`
	StartTime    int64        `json:"start_time,omitempty"`
	EndTime      int64        `json:"end_time,omitempty"`
	Count        int64        `json:"count,omitempty"`
	IsAlert      bool         `json:"is_alert"`
	Message      string       `json:"message"`
	Metadata     Metadata     `json:"metadata"`
	Info         FindingInfo  `json:"finding_info"`
	Resources    []Resource   `json:"resources"`
	Evidences    []Evidence   `json:"evidences,omitempty"`
	Observables  []Observable `json:"observables"`
	Unmapped     Unmapped     `json:"unmapped"`
}

// Metadata is about the event itself.
type Metadata struct {
	Version     string  `json:"version"`
	Product     Product `json:"product"`
	UID         string  `json:"uid"`             // of this revision
	Correlation string  `json:"correlation_uid"` // of the incident
	Sequence    uint64  `json:"sequence"`        // its revision
}

// Product is what found it.
type Product struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version,omitempty"`
}

// FindingInfo is what was found.
type FindingInfo struct {
	UID       string     `json:"uid"`
	Title     string     `json:"title"`
	Desc      string     `json:"desc"`
	Types     []string   `json:"types,omitempty"`
	Created   int64      `json:"created_time,omitempty"`
	Modified  int64      `json:"modified_time,omitempty"`
	FirstSeen int64      `json:"first_seen_time,omitempty"`
	LastSeen  int64      `json:"last_seen_time,omitempty"`
	Link      string     `json:"src_url,omitempty"`
	Analytic  *Analytic  `json:"analytic,omitempty"`
	Related   []Analytic `json:"related_analytics,omitempty"`
	Attacks   []Attack   `json:"attacks,omitempty"`
}

// Analytic is a detector.
type Analytic struct {
	Name   string `json:"name"`
	UID    string `json:"uid"`
	Type   string `json:"type"`
	TypeID int    `json:"type_id"`
}

// Attack names a technique of MITRE ATT&CK.
type Attack struct {
	Technique    *Technique `json:"technique,omitempty"`
	SubTechnique *Technique `json:"sub_technique,omitempty"`
}

// Technique is one of them, by its number.
type Technique struct {
	UID string `json:"uid"`
}

// Resource is the token.
type Resource struct {
	UID    string   `json:"uid"` // fingerprint
	Name   string   `json:"name,omitempty"`
	Type   string   `json:"type"`
	Owner  *User    `json:"owner,omitempty"`
	Labels []string `json:"labels,omitempty"`
}

// User is the token's owner, as the gateway names it.
type User struct {
	Name string `json:"name"`
}

// Evidence is one reason.
type Evidence struct {
	Name string         `json:"name"`
	Data map[string]any `json:"data"`
}

// Observable is what a search begins with.
type Observable struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	TypeID int    `json:"type_id"`
	Value  string `json:"value"`
}

// Unmapped is what OCSF has no place for.
type Unmapped struct {
	Score  float64       `json:"score"`
	Done   []string      `json:"done"`
	Seen   schema.Seen   `json:"seen"`
	Normal schema.Normal `json:"normal"`
}

// severities in OCSF's words, from info to critical; their numbers begin with 1.
var severities = []string{"Informational", "Low", "Medium", "High", "Critical"}

func findingOf(m alert.Message, version string) Finding {
	inc := &m.Incident
	severity := min(int(inc.Severity), len(severities)-1)
	f := Finding{
		CategoryUID: categoryFindings, CategoryName: "Findings", ClassUID: classDetection, ClassName: "Detection Finding",
		SeverityID: severity + 1, Severity: severities[severity],
		Time: millis(inc.Updated), StartTime: millis(inc.Seen.Since), EndTime: millis(inc.Updated), Count: int64(min(inc.Seen.Requests, math.MaxInt32)),
		IsAlert: !m.Trial, Message: m.Sentence,
		Metadata: Metadata{
			Version: schemaVersion, Product: Product{Name: "tokenwatch", Vendor: "tokenwatch", Version: version},
			UID: fmt.Sprintf("%s-%d", inc.ID, inc.Revision), Correlation: inc.ID, Sequence: inc.Revision,
		},
		Info:        infoOf(m),
		Resources:   []Resource{resourceOf(inc)},
		Observables: []Observable{{Name: "resources.uid", Type: "Resource UID", TypeID: observableUID, Value: inc.Token.String()}},
		Unmapped:    Unmapped{Score: inc.Score, Done: m.Actions, Seen: inc.Seen, Normal: inc.Normal},
	}
	f.ActivityID, f.ActivityName, f.StatusID, f.Status = stage(m)
	f.TypeUID = f.ClassUID*100 + f.ActivityID
	f.TypeName = f.ClassName + ": " + f.ActivityName
	for _, e := range inc.Evidence {
		f.Evidences = append(f.Evidences, Evidence{Name: alert.Label(e), Data: map[string]any{
			"detector": e.Detector, "key": e.Key, "time": millis(e.Time), "llr": e.LLR, "seen": e.Seen, "normal": e.Normal,
		}})
	}
	return f
}

func stage(m alert.Message) (activity int, name string, status int, words string) {
	switch {
	case m.Incident.State == schema.IncidentResolved:
		return activityClose, "Close", statusResolved, "Resolved"
	case m.Incident.State == schema.IncidentAcknowledged:
		return activityUpdate, "Update", statusInProgress, "In Progress"
	case m.Ref == "":
		return activityCreate, "Create", statusNew, "New"
	}
	return activityUpdate, "Update", statusNew, "New"
}

func infoOf(m alert.Message) FindingInfo {
	inc := &m.Incident
	info := FindingInfo{
		UID: inc.ID, Title: m.Title, Desc: m.Sentence, Link: m.Link,
		Created: millis(inc.Opened), Modified: millis(inc.Updated), FirstSeen: millis(inc.Seen.Since), LastSeen: millis(inc.Updated),
	}
	known := map[string]bool{}
	for _, e := range inc.Evidence {
		if !known[e.Detector] {
			known[e.Detector] = true
			info.Types = append(info.Types, alert.Label(e))
			info.Related = append(info.Related, Analytic{Name: alert.Label(e), UID: e.Detector, Type: "Behavioral", TypeID: analyticBehaviour})
		}
		if e.Attack != "" && !known["attack "+e.Attack] {
			known["attack "+e.Attack] = true
			info.Attacks = append(info.Attacks, attackOf(e.Attack))
		}
	}
	if len(info.Related) > 0 { // the strongest is the one that it rests on
		info.Analytic, info.Related = &info.Related[0], info.Related[1:]
	}
	return info
}

func attackOf(id string) Attack {
	technique, _, sub := strings.Cut(id, ".")
	a := Attack{Technique: &Technique{UID: technique}}
	if sub {
		a.SubTechnique = &Technique{UID: id}
	}
	return a
}

func resourceOf(inc *schema.Incident) Resource {
	r := Resource{UID: inc.Token.String(), Name: inc.TokenHint, Type: "API token"}
	if inc.Consumer != "" {
		r.Owner = &User{Name: inc.Consumer}
	}
	if inc.Environment != "" {
		r.Labels = []string{"environment:" + inc.Environment}
	}
	return r
}
