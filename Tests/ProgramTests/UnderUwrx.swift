import Testing

/// Everything that starts uwrx with real programs.
@Suite("Under uwrx")
enum UnderUwrx {}
