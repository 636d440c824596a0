// Package fake is empty: Helm's own tests import it, and the module list is made with them in view.
package fake
