import CLinux
import CNcurses
import Glibc
import Inspect
import SystemPackage
import Tracing

/// Shows the trace of a run on the whole terminal until the user has seen enough.
public struct TraceViewer {
  private let trace: TraceDirectory
  private let events: EventStream
  private let display: TerminalDisplay
  private var state: ViewerState
  private let signals: Int32
  private var lastRefresh: UInt64 = 0
  /// Between two looks at a run in progress, in milliseconds.
  private static let period: Int32 = 250
  /// After so many events the keys are looked at.
  private static let slice = 20_000

  /// Takes the terminal.
  /// - Parameters:
  ///   - path: the trace's directory.
  ///   - callName: a system call's name by its number.
  /// - Throws: a message if there is no terminal, or no trace.
  public init(_ path: String, callName: @escaping @Sendable (UInt32) -> String) throws(ViewerError) {
    let numbers: TraceNumbers
    do throws(TraceError) {
      trace = try TraceDirectory(path)
      events = try EventStream(trace)
      numbers = try TraceNumbers(trace)
    } catch {
      throw ViewerError(error.description)
    }
    guard isatty(0) == 1, isatty(1) == 1 else {
      throw ViewerError("uwrx ui needs a terminal; use uwrx inspect procs \(path)")
    }
    let command = (try? trace.fields(of: "cmd"))?.map { $0.first ?? [] } ?? []
    let terminal = getenv("TERM").map { String(cString: $0) } ?? ""
    state = ViewerState(
      path: path, command: command, isUTF8: uwrx_locale_is_utf8() == 1,
      hasClipboard: Clipboard.isKnown(terminal: terminal), callName: callName)
    state.run.numbers = numbers
    // In the background it waits to be brought to the foreground, as long as any signal can still end it.
    while tcgetpgrp(0) != getpgrp(), tcgetpgrp(0) >= 0 { raise(SIGTTIN) }
    // A signal that ends the viewer must find the terminal as it was, so all are taken where nothing is half drawn.
    var set = sigset_t()
    sigemptyset(&set)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH] { sigaddset(&set, signal) }
    sigprocmask(SIG_BLOCK, &set, nil)
    signals = signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK))
    guard signals >= 0 else { throw ViewerError("cannot receive signals: \(Errno(rawValue: errno))") }
    display = try TerminalDisplay()
  }

  /// - Returns: the signal that has ended it; nil if the user did.
  public mutating func run() -> Int32? {
    defer { close(signals) }
    while !state.isFinished {
      state.resize(rows: display.rows, columns: display.columns)
      read()
      draw()
      if let signal = wait() { return signal }
    }
    return nil
  }

  private mutating func draw() {
    switch state.frame() {
    case .grid(let screen): display.show(screen)
    case .text(let text): display.show(plain: text)
    }
    if let text = state.copied {
      state.copied = nil
      display.write(text)
    }
  }

  /// Takes a part of the events that are there.
  private mutating func read() {
    guard state.progress != .ended else { return }
    // Asked first: what comes while the events are read is then read the next time.
    let isInProgress = trace.isInProgress
    var count = 0
    do throws(TraceError) {
      while count < Self.slice, let (event, name) = try events.next() {
        state.take(event, name)
        count += 1
      }
    } catch {
      state.notice = error.description
      state.progress = .ended
    }
    state.now = Self.monotonicTime()
    if count == Self.slice {
      // To show each part would cost more than to read it.
      guard state.now &- lastRefresh > UInt64(Self.period) * 1_000_000 else { return }
      state.progress = .reading
    } else if isInProgress {
      state.progress = .running
    } else {
      state.progress = .ended
      if events.isDamaged {
        state.notice = "the trace is damaged: what comes before that is shown"
      } else if !trace.isComplete {
        state.notice = "the run was killed, or not recorded to its end"
        state.isIncomplete = true
      }
    }
    lastRefresh = state.now
    state.refresh()
  }

  /// Waits for a key, a signal or time to read on, and does what they say.
  private mutating func wait() -> Int32? {
    var files = [
      pollfd(fd: 0, events: Int16(POLLIN), revents: 0), pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
    ]
    let timeout: Int32 =
      switch state.progress {
      case .reading: 0
      case .running: Self.period
      case .ended: -1
      }
    guard poll(&files, 2, timeout) > 0 else { return nil }
    if files[1].revents != 0, let signal = takeSignals() { return signal }
    if files[0].revents & Int16(POLLIN) != 0 {
      while let key = display.key() {
        state.handle(key)
        if state.isFinished { break }
      }
    }
    // The terminal is gone.
    return files[0].revents & Int16(POLLHUP | POLLERR) != 0 ? SIGHUP : nil
  }

  private mutating func takeSignals() -> Int32? {
    var information = signalfd_siginfo()
    while Glibc.read(signals, &information, MemoryLayout<signalfd_siginfo>.size) > 0 {
      switch Int32(information.ssi_signo) {
      case SIGWINCH: display.measure()
      case SIGTSTP: stop()
      case let signal: return signal
      }
    }
    return nil
  }

  /// Stops as the user wants, with the terminal as it was found.
  private func stop() {
    display.suspend()
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGTSTP)
    raise(SIGTSTP)
    sigprocmask(SIG_UNBLOCK, &set, nil)
    sigprocmask(SIG_BLOCK, &set, nil)
    display.resume()
  }

  private static func monotonicTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
