package format

import (
	"fmt"
	"strings"
	"time"
)

// goLayout turns strftime's layout into Go's, and refuses one that leaves out the day or
// the hour.
func goLayout(layout string) (string, error) {
	if strings.Contains(layout, "%") {
		var err error
		if layout, err = fromStrftime(layout); err != nil {
			return "", err
		}
	}
	probe := time.Date(2031, 11, 29, 17, 43, 51, 0, time.UTC)
	if read, err := time.Parse(layout, probe.Format(layout)); err != nil || !read.Truncate(time.Minute).Equal(probe.Truncate(time.Minute)) {
		return "", fmt.Errorf("%q: want s, ms, us, ns, or a layout with year, month, day, hour and minute, such as 2006-01-02 15:04:05 or %%Y-%%m-%%d %%H:%%M:%%S", layout)
	}
	return layout, nil
}

func fromStrftime(layout string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(layout); i++ {
		if layout[i] != '%' {
			b.WriteByte(layout[i])
			continue
		}
		if i++; i == len(layout) {
			return "", fmt.Errorf("%q: ends with %%", layout)
		}
		verb, known := strftime(layout[i])
		if !known {
			return "", fmt.Errorf("%q: %%%c is not known", layout, layout[i])
		}
		b.WriteString(verb)
	}
	return b.String(), nil
}

// strftime is Go's layout of one of strftime's letters. Go reads a fraction behind the
// seconds whether or not the layout has one, so %f and %L need only stand there.
func strftime(letter byte) (string, bool) {
	switch letter {
	case 'Y':
		return "2006", true
	case 'y':
		return "06", true
	case 'm':
		return "01", true
	case 'd':
		return "02", true
	case 'e':
		return "_2", true
	case 'b', 'h':
		return "Jan", true
	case 'B':
		return "January", true
	case 'a':
		return "Mon", true
	case 'A':
		return "Monday", true
	case 'H':
		return "15", true
	case 'I':
		return "03", true
	case 'M':
		return "04", true
	case 'S':
		return "05", true
	case 'p':
		return "PM", true
	case 'z':
		return "-0700", true
	case 'Z':
		return "MST", true
	case 'T':
		return "15:04:05", true
	case 'D':
		return "01/02/06", true
	case 'F':
		return "2006-01-02", true
	case 'R':
		return "15:04", true
	case 'f', 'L', 'N':
		return "999999999", true
	case '%':
		return "%", true
	}
	return "", false
}
