import Archives
import Glibc
import SystemPackage
import Tracing
import VirtualKernel

/// The layers of a run that has ended, as a run that stands on it sees them.
public final class RunLayers {
  /// Who a layer is.
  public enum Owner: Sendable {
    /// What the run itself, or an earlier one, wrote.
    case run(TraceDirectory)
    case source(Source)
  }

  /// From the top: what the run wrote, its sources, then its parents, each with its sources.
  public let layers: [(layer: Layer, owner: Owner)]
  private let kept = ArchivePlace()

  /// - Parameter trusts: also a trace that this user's uwrx has not made here, or that was changed since.
  /// - Throws: a message for what is incomplete, not to be trusted, or has lost a source.
  public init(_ trace: TraceDirectory, trusts: Bool) throws(SupervisorError) {
    var configuration = RunConfiguration(command: [])
    configuration.parents = [trace.path]
    configuration.trustsParents = trusts
    let stack = try LayerStack(&configuration, ArchiveOpener(temporary: kept.make), try? UserKey())
    let root = open("/", O_DIRECTORY | O_CLOEXEC | 0o10000000 /* O_PATH */)
    guard root >= 0 else { throw SupervisorError("cannot open /: \(Errno(rawValue: errno))") }
    var runs = stack.traces.makeIterator()
    let owners = stack.sources.map { $0.map { Owner.source($0) } ?? .run(runs.next()!) }
    let build = String(trace.path.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 })
    let layers = try stack.layers(
      in: FileDescriptor(rawValue: root), host: LinuxHostFiles(umask: 0o777, overlays: nil), build: build, hidden: nil)
    // What the kernel tells in /sys is none of them.
    self.layers = Array(zip(layers.suffix(owners.count), owners))
  }

  deinit { kept.remove() }
}
