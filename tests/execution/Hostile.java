import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.junit.Test;

/** What hostile code tries. */
public class Hostile {
    static final String OUTSIDE = "OUTSIDE_FOLDER";

    @Test
    public void exit() {
        System.exit(0);
    }

    @Test
    public void halt() {
        Runtime.getRuntime().halt(0);
    }

    @Test
    public void loop() {
        while (true) {}
    }

    @Test
    public void socket() throws Exception {
        new Socket("127.0.0.1", PORT).close();
    }

    @Test
    public void write() throws Exception {
        Files.write(Paths.get(OUTSIDE, "new"), new byte[1]);
    }

    @Test
    public void remove() throws Exception {
        Files.delete(Paths.get(OUTSIDE, "kept"));
    }

    @Test
    public void writeAtHome() throws Exception {
        Files.write(Paths.get(System.getProperty("java.io.tmpdir"), "a"), new byte[1]);
    }

    @Test
    public void start() throws Exception {
        new ProcessBuilder("/bin/sleep", "61.75").start();
    }

    @Test
    public void print() {
        while (true) {
            System.out.println("more and more and more");
        }
    }

    @Test
    public void printBelow() throws Exception {
        FileOutputStream out = new FileOutputStream(FileDescriptor.out);
        while (true) {
            out.write(new byte[4096]);
        }
    }

    @Test
    public void memory() {
        byte[][] all = new byte[4096][];
        for (int i = 0; i < all.length; i++) {
            all[i] = new byte[1 << 20];
        }
    }

    @Test
    public void threads() {
        for (int i = 0; i < 9999; i++) {
            new Thread(this::sleep).start();
        }
    }

    @Test
    public void thread() {
        new Thread(this::loop).start();
    }

    private void sleep() {
        try {
            Thread.sleep(99_999);
        } catch (InterruptedException over) {
            return;
        }
    }

    @Test
    public void deep() {
        deep();
    }

    @Test
    public void secrets() {
        if (System.getenv().containsKey("KDRAY_SECRET")) {
            throw new IllegalStateException();
        }
    }
}
