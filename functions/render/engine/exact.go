package main

import (
	"regexp"
	"strconv"
	"strings"
)

// A reader of the answer holds numbers as 64-bit floats, which count exactly up to here.
const exactMax = 1<<53 - 1

// Kustomize writes JSON without spaces, so a long whole number follows its colon, comma or bracket directly. Strings are
// taken out before the second look because they may hold the same.
var (
	quoted     = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	longNumber = regexp.MustCompile(`[:,\[](-?[0-9]{16,}[0-9.eE+-]*)`)
)

// inexact finds a whole number that its reader would round, or "".
func inexact(manifest []byte) string {
	if !longNumber.Match(manifest) {
		return ""
	}
	for _, found := range longNumber.FindAllSubmatch(quoted.ReplaceAll(manifest, []byte(`""`)), -1) {
		number := string(found[1])
		if strings.ContainsAny(number, ".eE") {
			continue
		}
		value, err := strconv.ParseInt(number, 10, 64)
		if err != nil || value > exactMax || value < -exactMax {
			return number
		}
	}
	return ""
}
