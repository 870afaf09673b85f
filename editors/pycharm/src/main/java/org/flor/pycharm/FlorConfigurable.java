package org.flor.pycharm;

import com.intellij.openapi.options.Configurable;
import com.intellij.openapi.options.ConfigurationException;
import com.intellij.openapi.project.Project;
import java.awt.BorderLayout;
import java.awt.GridBagConstraints;
import java.awt.GridBagLayout;
import java.awt.Insets;
import javax.swing.JCheckBox;
import javax.swing.JComponent;
import javax.swing.JLabel;
import javax.swing.JPanel;
import javax.swing.JTextField;
import org.flor.pycharm.core.Naming;
import org.flor.pycharm.core.Options;

/** Settings, Tools, Flor. */
public final class FlorConfigurable implements Configurable {
    private final Project project;
    private final JTextField python = new JTextField(40);
    private final JTextField arguments = new JTextField();
    private final JTextField home = new JTextField();
    private final JCheckBox etlOnName = new JCheckBox("Naming an expression makes the table anew");
    private final JCheckBox inlayHints = new JCheckBox("Show the last values beside named expressions");
    private final JCheckBox hover = new JCheckBox("Show values of captured expressions on hover");
    private final JCheckBox codeLens = new JCheckBox("Show runs and tables above scripts");
    private final JCheckBox diagnostics = new JCheckBox("Check shadow copies");

    public FlorConfigurable(Project project) {
        this.project = project;
    }

    @Override
    public String getDisplayName() {
        return "Flor";
    }

    @Override
    public JComponent createComponent() {
        JPanel form = new JPanel(new GridBagLayout());
        add(form, "Interpreter (empty: the project's):", python);
        add(form, "Arguments of flor-lsp:", arguments);
        add(form, "Folder of all experiments (empty: FLOR_HOME, else ~/.flor):", home);
        for (JCheckBox box : new JCheckBox[] {etlOnName, inlayHints, hover, codeLens, diagnostics}) {
            add(form, null, box);
        }
        JPanel page = new JPanel(new BorderLayout());
        page.add(form, BorderLayout.NORTH);
        reset();
        return page;
    }

    private static void add(JPanel form, String label, JComponent field) {
        GridBagConstraints at = new GridBagConstraints();
        at.gridy = form.getComponentCount();
        at.insets = new Insets(4, 4, 4, 4);
        at.anchor = GridBagConstraints.WEST;
        if (label != null) {
            JLabel own = new JLabel(label);
            own.setLabelFor(field);
            form.add(own, at);
        }
        at.gridx = label == null ? 0 : 1;
        at.gridwidth = GridBagConstraints.REMAINDER;
        at.weightx = 1;
        at.fill = GridBagConstraints.HORIZONTAL;
        form.add(field, at);
    }

    private Options shown() {
        return new Options(
                python.getText().strip(),
                arguments.getText().strip(),
                home.getText().strip(),
                etlOnName.isSelected(),
                inlayHints.isSelected(),
                hover.isSelected(),
                codeLens.isSelected(),
                diagnostics.isSelected());
    }

    @Override
    public boolean isModified() {
        return !shown().equals(FlorSettings.of(project).options());
    }

    @Override
    public void apply() throws ConfigurationException {
        String problem = Naming.argumentsProblem(arguments.getText()).orElse(null);
        if (problem != null) {
            throw new ConfigurationException(problem);
        }
        Options before = FlorSettings.of(project).options();
        FlorSettings.of(project).set(shown());
        Flor.of(project).settingsChanged(before.startsAnewFor(shown()));
    }

    @Override
    public void reset() {
        Options own = FlorSettings.of(project).options();
        python.setText(own.python());
        arguments.setText(own.arguments());
        home.setText(own.home());
        etlOnName.setSelected(own.etlOnName());
        inlayHints.setSelected(own.inlayHints());
        hover.setSelected(own.hover());
        codeLens.setSelected(own.codeLens());
        diagnostics.setSelected(own.diagnostics());
    }
}
