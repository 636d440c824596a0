// leash runs a command that must not outlive whoever started it.
//
// The starter keeps the other end of leash's standard input open. However the starter ends, even
// by SIGKILL, the kernel closes that end; leash reads end of file and takes the command's whole
// process group down. It never writes to its own output, which belongs to the command.
//
//	leash [-remove folder] command [argument...]
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// A server that has not answered SIGTERM by then holds open connections, not unsaved work.
const grace = 1500 * time.Millisecond

func main() {
	remove := flag.String("remove", "", "folder to delete once the command has ended")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "leash: name a command to run")
		os.Exit(2)
	}
	code := run(flag.Arg(0), flag.Args()[1:])
	if *remove != "" {
		if err := os.RemoveAll(*remove); err != nil {
			fmt.Fprintln(os.Stderr, "leash:", err)
		}
	}
	os.Exit(code)
}

// run starts the command in a process group of its own, so that all it starts can be signalled
// together, and returns the code to exit with: the command's, or 128 + the signal that ended it.
func run(name string, args []string) int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)

	command := exec.Command(name, args...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "leash:", err)
		return 127
	}
	group := -command.Process.Pid

	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	released := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(released)
	}()

	err := wait(group, ended, released, signals)
	// What the command itself left running goes too; an empty group is an error of no interest.
	_ = syscall.Kill(group, syscall.SIGKILL)
	return exitCode(err)
}

func wait(group int, ended <-chan error, released <-chan struct{}, signals <-chan os.Signal) error {
	var tooLate <-chan time.Time
	for {
		select {
		case err := <-ended:
			return err
		case received := <-signals:
			_ = syscall.Kill(group, received.(syscall.Signal))
		case <-released:
			released = nil
			tooLate = time.After(grace)
			_ = syscall.Kill(group, syscall.SIGTERM)
		case <-tooLate:
			_ = syscall.Kill(group, syscall.SIGKILL)
		}
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		if err != nil {
			return 1
		}
		return 0
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
