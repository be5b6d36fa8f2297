import Tracing

/// Where the versions of files are kept that a run saw or made.
public struct VersionPlaces: Sendable {
  private let history: RunHistory
  let lower: LowerFiles?
  private let index: LayerIndex?
  /// The paths that have a version at the end.
  private let last: [UInt32: PathTable.ID]

  /// A trace whose other files are damaged or not there yet tells less.
  public init(_ trace: TraceDirectory, _ history: RunHistory) {
    self.history = history
    lower = try? LowerFiles(trace)
    index = trace.isComplete ? try? trace.layerIndex() : nil
    last = history.lastVersions
  }

  /// - Parameter path: where the version was seen.
  /// - Returns: below the trace if it is relative, else of the host; nil if the version was replaced by its own writer before anyone had
  ///   read it, was removed, or is in an archive.
  public func place(ofVersion version: UInt32, at path: PathTable.ID) -> [UInt8]? {
    if version == 0 { return lower?.file(history.paths.path(of: path)) }
    if let place = history.place(ofVersion: version) { return place }
    guard let path = last[version] else { return nil }
    let name = history.paths.path(of: path)
    let directory = index?[Array(name.dropFirst())]?.directory ?? LayerIndex.files
    return directory == LayerIndex.absent ? nil : directory + name
  }
}
