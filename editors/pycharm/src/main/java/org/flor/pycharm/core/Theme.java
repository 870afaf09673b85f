package org.flor.pycharm.core;

import java.awt.Color;

/** The IDE's theme, as the side panel's page knows it. */
public final class Theme {
    private Theme() {}

    /** By the colours of the IDE's own panels. Of high contrast there is a black theme alone. */
    public static String of(Color background, Color foreground) {
        if (Color.BLACK.getRGB() == (background.getRGB() | 0xff000000)) {
            return "hc-dark";
        }
        return brightness(background) < brightness(foreground) ? "dark" : "light";
    }

    private static double brightness(Color color) {
        return 0.299 * color.getRed() + 0.587 * color.getGreen() + 0.114 * color.getBlue();
    }
}
