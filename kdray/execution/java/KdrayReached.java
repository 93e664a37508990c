package kdray;

/** A run came to the place of the assertion. */
public final class KdrayReached extends Error {
    private static final long serialVersionUID = 1;
}
