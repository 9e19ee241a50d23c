package detect

import "math"

// silences counts how long a token was silent between hours of use, in half octaves from one hour on: whether it is
// used hour after hour, in the morning and again at night, once a week. Who else uses it has another rhythm.
// When a count is about to overflow all are halved.
type silences [24]uint8

const (
	silenceShare = 0.02 // of a thief's silences is of any one class: they are spread over twice as many as there are
	silencePrior = 10.0 // silences that this weighs against the token's own
	silenceMost  = 1.0
)

// silenceClass is the class of a silence of so many seconds.
func silenceClass(seconds int64) int {
	return min(max(int(math.Round(2*math.Log2(float64(max(seconds, 1))/3600))), 0), len(silences{})-1)
}

// ratio compares how often a thief and the token are silent for so long.
func (s *silences) ratio(class int) float64 {
	n := 0
	for _, c := range s {
		n += int(c)
	}
	own := (float64(s[class]) + silencePrior*silenceShare) / (float64(n) + silencePrior)
	return max(-silenceMost, min(math.Log(silenceShare/own), silenceMost))
}

func (s *silences) add(class int) {
	if s[class] == math.MaxUint8 {
		for i := range s {
			s[i] /= 2
		}
	}
	s[class]++
}

// code codes the counts without the zeros at their end: few tokens are silent for months.
func (s *silences) code(c *coder) {
	n := len(s)
	for n > 0 && s[n-1] == 0 {
		n--
	}
	number(c, &n)
	if n < 0 || n > len(s) {
		c.fail()
		return
	}
	c.bytes(s[:n])
}
